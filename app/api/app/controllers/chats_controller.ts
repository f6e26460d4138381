import type { HttpContext } from '@adonisjs/core/http';
import mongoose, { type Types } from 'mongoose';
import { answers } from '../../start/services.ts';
import { plan } from '../../tutor/engine.ts';
import type { Context, Level } from '../../tutor/types.ts';
import { Chat, type ChatRecord } from '../models/chat.ts';
import { Message, type MessageRecord } from '../models/message.ts';
import { count, RULES } from '../services/limiter.ts';
import { chatListValidator, isObjectId, questionValidator, titleOf } from '../validators/chat.ts';
import { notFound } from './not_found.ts';
import { chatView, messageView } from './views.ts';

const PAGE = 50;
const MOST_MESSAGES = 400;

/** Every query carries the user's id: another user's chat does not exist here. */
export default class ChatsController {
  async index({ request, response, user }: HttpContext): Promise<void> {
    const { before } = await request.validateUsing(chatListValidator, { data: request.qs() });
    const filter = {
      userId: user._id,
      ...(before === undefined ? {} : { activeAt: mongoose.trusted({ $lt: new Date(before) }) }),
    };
    const found = await Chat.find(filter)
      .sort({ activeAt: -1 })
      .limit(PAGE + 1)
      .lean<ChatRecord[]>();
    response.send({ chats: found.slice(0, PAGE).map(chatView), more: found.length > PAGE });
  }

  async show({ params, response, user }: HttpContext): Promise<void> {
    const chat = await ownChat(params['id'], user._id);
    if (chat === null) return notFound(response);
    const messages = await Message.find({ chatId: chat._id, userId: user._id })
      .sort({ seq: 1 })
      .lean<MessageRecord[]>();
    response.send({ chat: chatView(chat), messages: messages.map(messageView) });
  }

  /** Starts a chat with its first question. */
  async store({ request, response, user }: HttpContext): Promise<void> {
    const { question } = await request.validateUsing(questionValidator);
    await count(RULES.askPerUser, user._id.toString());
    const chat = await Chat.create({ userId: user._id, title: titleOf(question), activeAt: new Date() });
    response.status(201).send(await ask(chat.toObject(), question));
  }

  /** Asks in an existing chat. */
  async ask({ params, request, response, user }: HttpContext): Promise<void> {
    const { question } = await request.validateUsing(questionValidator);
    const chat = await ownChat(params['id'], user._id);
    if (chat === null) return notFound(response);
    await count(RULES.askPerUser, user._id.toString());
    if (chat.messageCount >= MOST_MESSAGES) {
      const message = 'This chat is full. Please start a new one.';
      response.status(409).send({ error: { code: 'chat_full', message } });
      return;
    }
    response.status(201).send(await ask(chat, question));
  }

  async destroy({ params, response, user }: HttpContext): Promise<void> {
    const chat = await ownChat(params['id'], user._id);
    if (chat === null) return notFound(response);
    // The messages go first: a crash in between leaves a chat that can be deleted again.
    await Message.deleteMany({ chatId: chat._id, userId: user._id });
    await Chat.deleteOne({ _id: chat._id, userId: user._id });
    response.status(204);
  }
}

async function ownChat(id: unknown, userId: Types.ObjectId): Promise<ChatRecord | null> {
  return isObjectId(id) ? Chat.findOne({ _id: id, userId }).lean<ChatRecord>() : null;
}

/** Stores the question and the planned answer, begins to write it, and tells the client what to follow. */
async function ask(chat: ChatRecord, question: string): Promise<object> {
  const context: Context = { lessonId: chat.lessonId ?? null, level: (chat.level ?? 0) as Level };
  const decided = plan(question, context);
  const before = await Chat.findOneAndUpdate(
    { _id: chat._id, userId: chat.userId },
    { $inc: { messageCount: 2 }, $set: { activeAt: new Date(), ...decided.context } },
    { returnDocument: 'before' },
  ).lean<ChatRecord>();
  const seq = before?.messageCount ?? 0;
  const shared = { chatId: chat._id, userId: chat.userId };
  const [asked, answer] = await Message.insertMany([
    { ...shared, seq, role: 'student', text: question, status: 'complete' },
    { ...shared, seq: seq + 1, role: 'tutor', status: 'pending', plan: decided },
  ]);
  if (asked === undefined || answer === undefined) throw new Error('the question was not stored');
  answers.start(answer._id, decided);
  return {
    chat: chatView({ ...chat, activeAt: new Date() }),
    messages: [messageView(asked.toObject()), messageView(answer.toObject())],
  };
}
