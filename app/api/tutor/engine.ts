import { lessonById, lessons } from './lessons/index.ts';
import { phrases } from './phrases.ts';
import { LessonIndex, overlap } from './retrieval.ts';
import type { AnswerKind, Context, Language, Lesson, Level, Plan, Suggestion } from './types.ts';

/** A match below either figure is treated as not knowing; the tests hold examples of both sides. */
const LEAST_SCORE = 5.5;
const LEAST_COVERAGE = 0.34;

const GREETING =
  /^(hi|hello|hey|good (morning|afternoon|evening)|kumusta|kamusta|magandang (umaga|hapon|gabi)|thanks?|thank you|salamat)\b[\s\p{P}]*(there|tutor|po|teacher)?[\s\p{P}]*$/iu;
const WANTS_EXAMPLE = /\b(worked )?example\b|\bhalimbawa\b|\bi give up\b|\bsuko na\b|\bstep by step\b/i;
const WANTS_EXPLANATION =
  /\bexplain\b|\bexplanation\b|\bdon'?t (get|understand)\b|\bipaliwanag\b|\bpaliwanag\b|\bhindi ko (maintindihan|gets)\b/i;
const WANTS_MORE =
  /^(another|next|more|one more|give me (a|another)|isa pa|dagdag)?\s*(hint|clue|help|more|pahiwatig|isa pa)(\s+(please|po))?[\s\p{P}]*$/iu;
const FILIPINO =
  /\b(ang|ng|mga|ano|anong|paano|bakit|sino|po|kumusta|kamusta|salamat|magandang|ipaliwanag|halimbawa|ko|mo)\b/gi;

const index = new LessonIndex(lessons);

/** The start of every chat. */
export const EMPTY_CONTEXT: Context = { lessonId: null, level: 0 };

/**
 * Decides the answer to one question. Pure: the same question in the same context gives the same plan.
 * A lesson always begins with its hint; the explanation and the worked example come when asked for.
 */
export function plan(question: string, context: Context): Plan {
  const text = question.trim();
  const current = lessonById(context.lessonId);
  const wanted = wantedLevel(text, current === null ? 0 : context.level);
  const best = index.search(text).find((match) => match.score >= LEAST_SCORE && match.coverage >= LEAST_COVERAGE);

  if (best !== undefined && best.lesson !== current) return rung(best.lesson, 1, text);
  if (current !== null && wanted !== null) return rung(current, wanted, text);
  if (best !== undefined) return rung(best.lesson, nextLevel(context.level), text);
  if (GREETING.test(text)) return withoutLesson('greeting', languageOf(text), context, text);
  return withoutLesson('unknown', languageOf(text), context, text);
}

/** The whole text of a plan, as it is streamed and stored. */
export function textOf(decided: Plan): string {
  return decided.paragraphs.join('\n\n');
}

/** Which rung the student asks for by name, or null when the text is a question of its own. */
function wantedLevel(text: string, level: Level): Level | null {
  if (WANTS_EXAMPLE.test(text)) return 3;
  if (WANTS_EXPLANATION.test(text)) return 2;
  return WANTS_MORE.test(text) ? nextLevel(level) : null;
}

function nextLevel(level: Level): Level {
  return level >= 2 ? 3 : level === 1 ? 2 : 1;
}

function rung(lesson: Lesson, level: Level, question: string): Plan {
  const words = phrases[lesson.language];
  const followUp = lesson.followUps[level === 3 ? 2 : level === 2 ? 1 : 0];
  const next: Suggestion[] = [];
  let kind: AnswerKind = 'hint';
  let paragraphs: string[];
  if (level === 3) {
    kind = 'example';
    const steps = lesson.example.steps.map((step, position) => `${position + 1}. ${step}`);
    paragraphs = [words.example, lesson.example.problem, steps.join('\n'), `${words.ladderEnd} ${followUp}`];
    next.push(...otherLessons(lesson.language, lesson));
  } else if (level === 2) {
    kind = 'explanation';
    paragraphs = [words.explanation, lesson.sentences.join(' '), followUp];
    next.push({ label: words.nextExample, question: words.nextExample });
  } else {
    paragraphs = [bestSentence(lesson, question), lesson.hint, followUp];
    next.push(
      { label: words.nextHint, question: words.nextHint },
      { label: words.nextExample, question: words.nextExample },
    );
  }
  return {
    kind,
    language: lesson.language,
    context: { lessonId: lesson.id, level },
    source: { lessonId: lesson.id, title: lesson.title, subject: lesson.subject },
    suggestions: next,
    paragraphs,
  };
}

function withoutLesson(kind: 'greeting' | 'unknown', language: Language, context: Context, question: string): Plan {
  const words = phrases[language];
  const near = index.search(question).map((match) => match.lesson);
  const offered = [
    ...new Set([...near, ...otherLessons(language, null).flatMap((entry) => byQuestion(entry.question))]),
  ];
  return {
    kind,
    language,
    context,
    source: null,
    suggestions: offered.slice(0, 3).map((lesson) => ({ label: lesson.title, question: lesson.ask })),
    paragraphs: kind === 'greeting' ? [words.greeting] : [words.unknown, words.unknownFollowUp],
  };
}

/** The sentence of the lesson that shares most words with the question; the first one when none does. */
function bestSentence(lesson: Lesson, question: string): string {
  let best = lesson.sentences[0] ?? '';
  let most = overlap(question, best);
  for (const sentence of lesson.sentences.slice(1)) {
    const shared = overlap(question, sentence);
    if (shared > most) [best, most] = [sentence, shared];
  }
  return best;
}

/** Three other lessons to go on with, one per subject as far as there are. */
function otherLessons(language: Language, current: Lesson | null): Suggestion[] {
  const rest = lessons.filter((lesson) => lesson !== current);
  const own = rest.filter((lesson) => lesson.language === language);
  const subjects = new Map(own.map((lesson) => [lesson.subject, lesson] as const));
  const chosen = [...new Set([...subjects.values(), ...own, ...rest])].slice(0, 3);
  return chosen.map((lesson) => ({ label: lesson.title, question: lesson.ask }));
}

function byQuestion(question: string): Lesson[] {
  return lessons.filter((lesson) => lesson.ask === question);
}

function languageOf(text: string): Language {
  return (text.match(FILIPINO) ?? []).length >= 1 && !/\b(the|is|what|how|why)\b/i.test(text) ? 'fil' : 'en';
}
