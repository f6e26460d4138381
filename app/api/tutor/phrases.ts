import type { Language } from './types.ts';

interface Phrases {
  explanation: string;
  example: string;
  greeting: string;
  unknown: string;
  unknownFollowUp: string;
  ladderEnd: string;
  nextHint: string;
  nextExample: string;
}

/** The tutor's fixed words around the lessons' sentences. */
export const phrases: Record<Language, Phrases> = {
  en: {
    explanation: 'Here is how it works.',
    example: 'Here is a similar problem, worked out.',
    greeting:
      'Hello! Tell me what you are working on, in your own words. I give hints first, so that the answer stays yours.',
    unknown: 'I do not know that one. I only answer from the lessons that I have, so that I never make something up.',
    unknownFollowUp: 'Would one of these help?',
    ladderEnd: 'That was the whole lesson. Try one yourself now:',
    nextHint: 'Explain it to me',
    nextExample: 'Show me a worked example',
  },
  fil: {
    explanation: 'Ganito iyon.',
    example: 'Narito ang kahawig na tanong, na may sagot.',
    greeting:
      'Kumusta! Sabihin mo kung ano ang pinag-aaralan mo. Pahiwatig muna ang ibibigay ko, para sa iyo manggaling ang sagot.',
    unknown: 'Hindi ko alam iyan. Sumasagot lang ako mula sa mga aralin ko, para hindi ako mag-imbento.',
    unknownFollowUp: 'Makatutulong ba ang isa sa mga ito?',
    ladderEnd: 'Iyan na ang buong aralin. Subukan mo naman ngayon:',
    nextHint: 'Ipaliwanag mo sa akin',
    nextExample: 'Magbigay ka ng halimbawa',
  },
};
