export const SUBJECTS = ['Maths', 'Science', 'English', 'Filipino'] as const;
export type Subject = (typeof SUBJECTS)[number];
export type Language = 'en' | 'fil';

/** One short lesson. Answers are made of its sentences only, so nothing can be invented. */
export interface Lesson {
  id: string;
  subject: Subject;
  language: Language;
  title: string;
  /** What a student might type instead of the title. */
  keywords: string[];
  /** A question a student could ask; shown as a suggestion. */
  ask: string;
  /** A nudge that gives nothing away. */
  hint: string;
  /** The explanation, one sentence each. */
  sentences: string[];
  example: { problem: string; steps: string[] };
  /** What the tutor asks back after the hint, the explanation and the worked example. */
  followUps: [string, string, string];
}

/** The rung of the hint ladder: 0 no lesson yet, 1 hint, 2 explanation, 3 worked example. */
export type Level = 0 | 1 | 2 | 3;

/** What the tutor remembers of a chat. */
export interface Context {
  lessonId: string | null;
  level: Level;
}

export type AnswerKind = 'hint' | 'explanation' | 'example' | 'unknown' | 'greeting';

export interface Suggestion {
  label: string;
  /** The text that is sent when the student picks it. */
  question: string;
}

/** An answer that is decided but not yet written out. */
export interface Plan {
  kind: AnswerKind;
  language: Language;
  /** The ladder after this answer. */
  context: Context;
  source: { lessonId: string; title: string; subject: Subject } | null;
  suggestions: Suggestion[];
  paragraphs: string[];
}
