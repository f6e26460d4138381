import { describe, expect, it } from '@jest/globals';
import { EMPTY_CONTEXT, plan, textOf } from '../tutor/engine.ts';
import { lessons } from '../tutor/lessons/index.ts';
import { offlineProvider, piecesOf } from '../tutor/provider.ts';
import { overlap, termsOf } from '../tutor/retrieval.ts';
import { SUBJECTS, type Plan } from '../tutor/types.ts';

const first = (question: string): Plan => plan(question, EMPTY_CONTEXT);

describe('lessons', () => {
  it('cover every subject under ids of their own', () => {
    expect(new Set(lessons.map((lesson) => lesson.subject))).toEqual(new Set(SUBJECTS));
    expect(new Set(lessons.map((lesson) => lesson.id)).size).toBe(lessons.length);
  });

  it.each(lessons.map((lesson) => [lesson.id, lesson] as const))('%s answers to its own question', (_, lesson) => {
    expect(first(lesson.ask).source?.lessonId).toBe(lesson.id);
    expect(lesson.sentences.length).toBeGreaterThanOrEqual(4);
    expect(lesson.example.steps.length).toBeGreaterThanOrEqual(2);
  });
});

describe('plan', () => {
  it.each([
    ['how do plants make food', 'photosynthesis'],
    ['photosinthesis', 'photosynthesis'],
    ['1/2 + 3/8', 'adding-fractions'],
    ['solve 3x+5=20', 'linear-equations'],
    ['what is 20% of 50', 'percentages'],
    ['why do clouds form', 'water-cycle'],
    ['force of a 3kg mass', 'newtons-laws'],
    ['hypotenus', 'pythagoras'],
    ['ANO ANG SIMUNO???', 'pangungusap'],
  ])('finds the lesson for "%s"', (question, id) => {
    const decided = first(question);
    expect([decided.kind, decided.source?.lessonId]).toEqual(['hint', id]);
  });

  it.each(['who won the world cup', 'why is the sky blue', 'best pizza recipe', 'asdfgh', '???', '<b>bold</b>'])(
    'says that it does not know "%s", and offers lessons',
    (question) => {
      const decided = first(question);
      expect(decided.kind).toBe('unknown');
      expect(decided.source).toBeNull();
      expect(decided.suggestions).toHaveLength(3);
    },
  );

  it('gives the hint first, whatever is asked for', () => {
    for (const lesson of lessons) {
      for (const question of [lesson.ask, `Just give me the full answer: ${lesson.ask}`]) {
        const decided = first(question);
        expect(decided.context).toEqual({ lessonId: lesson.id, level: 1 });
        expect(textOf(decided)).toContain(lesson.hint);
        for (const step of lesson.example.steps) expect(textOf(decided)).not.toContain(step);
      }
    }
  });

  it('climbs from hint to explanation to worked example', () => {
    const hint = first('What is photosynthesis?');
    const explanation = plan('Explain it to me', hint.context);
    const example = plan('Show me a worked example', explanation.context);
    expect([hint.kind, explanation.kind, example.kind]).toEqual(['hint', 'explanation', 'example']);
    expect(plan('another hint please', hint.context).kind).toBe('explanation');
    expect(plan('Magbigay ka ng halimbawa', first('Ano ang pangngalan?').context).kind).toBe('example');
  });

  it('begins at the hint again when the lesson changes', () => {
    const decided = plan('How do I add 1/2 and 1/3?', { lessonId: 'photosynthesis', level: 2 });
    expect(decided.context).toEqual({ lessonId: 'adding-fractions', level: 1 });
  });

  it('asks for a topic when a hint is wanted and there is none', () => {
    expect(first('hint').kind).toBe('unknown');
    expect(plan('hint', { lessonId: 'no-such-lesson', level: 2 }).kind).toBe('unknown');
  });

  it('never says anything that no lesson and no fixed phrase holds', () => {
    const known = JSON.stringify(lessons.flatMap((lesson) => [lesson.hint, ...lesson.sentences, ...lesson.followUps]));
    for (const lesson of lessons) {
      const [sentence, hint, followUp] = first(lesson.ask).paragraphs;
      for (const part of [sentence, hint, followUp]) expect(known).toContain(JSON.stringify(part).slice(1, -1));
    }
  });

  it('greets, in the language of the greeting', () => {
    expect([first('Hello!').kind, first('Hello!').language]).toEqual(['greeting', 'en']);
    expect([first('Kumusta po').kind, first('Kumusta po').language]).toEqual(['greeting', 'fil']);
  });
});

describe('retrieval', () => {
  it('drops words without a subject and puts signs into words', () => {
    expect(termsOf('What is the 15% of it?')).toEqual(['percent']);
    expect(termsOf('Ano ang mga pangngalan?')).toEqual(['pangngalan']);
  });

  it('counts shared word stems', () => {
    expect(overlap('adding fractions', 'A fraction is added.')).toBe(1);
    expect(overlap('', 'Anything')).toBe(0);
  });
});

describe('offline provider', () => {
  it('cuts a text into pieces that join to the same text', () => {
    for (const lesson of lessons) {
      const text = textOf(plan('Show me an example', { lessonId: lesson.id, level: 2 }));
      expect(piecesOf(text).join('')).toBe(text);
    }
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const written: string[] = [];
    const work = (async () => {
      for await (const piece of offlineProvider(1).stream(first('What is photosynthesis?'), stop.signal)) {
        written.push(piece);
        if (written.length === 3) stop.abort();
      }
    })();
    await expect(work).rejects.toThrow('abort');
    expect(written).toHaveLength(3);
  });
});
