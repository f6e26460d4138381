import MiniSearch from 'minisearch';
import type { Lesson } from './types.ts';

/** Words that say nothing about the subject of a question. */
const STOP_WORDS = new Set(
  (
    'a an the and or but if of in on at to for from with by as is are was were be been am do does did done how what why when where which who whom whose ' +
    'i me my you your we us our it its this that these those can could would should will may might must shall please help tell show give find get ' +
    'just only full whole complete correct right really very explain define describe meaning mean means difference between about need want know understand work works working question answer ' +
    'ang ng sa mga na ay at o si sina ni kay ko mo ako ka ikaw siya kami tayo sila ito iyan iyon ano anong sino saan kailan bakit paano alin ba po nga lang naman din rin kung para ' +
    'ipaliwanag sabihin ibigay magbigay gusto ibig pagkakaiba may wala hindi'
  ).split(' '),
);

/** A lesson and how well it fits. */
export interface Match {
  lesson: Lesson;
  score: number;
  /** Share of the question's words, 0 to 1, that the lesson answers to. */
  coverage: number;
}

/** The words of a text that carry meaning, in lower case, with the signs of maths put into words. */
export function termsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\d+\s*\/\s*\d+/g, ' fraction ')
    .replace(/\d+(\.\d+)?\s*%/g, ' percent ')
    .replace(/\b\d*[a-z]\b\s*[-+−*/]\s*\d+|=/g, ' equation ')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1 && !/^\d+$/.test(word) && !STOP_WORDS.has(word));
}

/** Search over a fixed list of lessons; build it once. */
export class LessonIndex {
  readonly #lessons: readonly Lesson[];
  readonly #index: MiniSearch<{ id: number; title: string; keywords: string; text: string }>;

  constructor(lessons: readonly Lesson[]) {
    this.#lessons = lessons;
    this.#index = new MiniSearch({ fields: ['title', 'keywords', 'text'], tokenize: termsOf });
    this.#index.addAll(
      lessons.map((lesson, id) => ({
        id,
        title: lesson.title,
        keywords: lesson.keywords.join(' '),
        text: [lesson.hint, ...lesson.sentences, lesson.example.problem].join(' '),
      })),
    );
  }

  /** The lessons that fit a question, best first. */
  search(question: string): Match[] {
    const words = new Set(termsOf(question));
    if (words.size === 0) return [];
    return this.#index
      .search([...words].join(' '), {
        boost: { title: 4, keywords: 3 },
        fuzzy: (term) => (term.length > 5 ? 0.2 : false),
        prefix: (term) => term.length > 3,
      })
      .map((result) => ({
        lesson: this.#lessons[result.id as number] as Lesson,
        score: result.score,
        coverage: new Set(result.queryTerms).size / words.size,
      }));
  }
}

/** How many of the question's words a sentence holds; word stems of five letters count as equal. */
export function overlap(question: string, sentence: string): number {
  const stems = new Set(termsOf(sentence).map((word) => word.slice(0, 5)));
  return new Set(termsOf(question).map((word) => word.slice(0, 5))).intersection(stems).size;
}
