import type { Lesson } from '../types.ts';
import { english } from './english.ts';
import { filipino } from './filipino.ts';
import { maths } from './maths.ts';
import { science } from './science.ts';

/** The built-in library, in the order in which subjects are shown. */
export const lessons: readonly Lesson[] = [...maths, ...science, ...english, ...filipino];

/** The lesson with this id, or null. */
export function lessonById(id: string | null): Lesson | null {
  return lessons.find((lesson) => lesson.id === id) ?? null;
}
