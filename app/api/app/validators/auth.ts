import vine from '@vinejs/vine';
import { messages } from './messages.ts';

/** One line of printable text. */
const NAME = /^[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N} .'’-]*$/u;

export const registerValidator = vine.create({
  name: vine.string().trim().minLength(2).maxLength(60).regex(NAME),
  email: vine.string().trim().toLowerCase().maxLength(254).email(),
  password: vine.string().minLength(10).maxLength(128),
});

export const loginValidator = vine.create({
  email: vine.string().trim().toLowerCase().maxLength(254).email(),
  password: vine.string().minLength(1).maxLength(128),
});

registerValidator.messagesProvider = messages;
loginValidator.messagesProvider = messages;
