import type { Plan } from '../../tutor/types.ts';
import type { ChatRecord } from '../models/chat.ts';
import type { MessageRecord } from '../models/message.ts';

/** A chat as clients see it. */
export function chatView(chat: ChatRecord): object {
  return { id: chat._id.toString(), title: chat.title, activeAt: chat.activeAt.toISOString() };
}

/** A message as clients see it; the text of an unfinished answer comes by its stream. */
export function messageView(message: MessageRecord): object {
  const decided = message.plan as Plan | null;
  return {
    id: message._id.toString(),
    role: message.role,
    status: message.status,
    text: message.text,
    ...(decided === null
      ? {}
      : {
          kind: decided.kind,
          language: decided.language,
          level: decided.context.level,
          source: decided.source,
          suggestions: decided.suggestions,
        }),
  };
}
