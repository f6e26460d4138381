import vine from '@vinejs/vine';
import { messages } from './messages.ts';

export const QUESTION_LENGTH = 1000;

export const questionValidator = vine.create({
  question: vine.string().trim().minLength(1).maxLength(QUESTION_LENGTH),
});
questionValidator.messagesProvider = messages;

export const chatListValidator = vine.create({
  /** ISO time of the last chat of the page before. */
  before: vine
    .string()
    .trim()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    .optional(),
});

/** Whether a text is the id of a stored object. */
export function isObjectId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{24}$/.test(text);
}

/** The title of a chat: the start of its first question, on one line, at most 60 characters. */
export function titleOf(question: string): string {
  const line = question.replace(/\s+/g, ' ').trim();
  return line.length <= 60 ? line : `${line.slice(0, 59).trimEnd()}…`;
}
