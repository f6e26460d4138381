import type { HttpContext } from '@adonisjs/core/http';
import { answers } from '../../start/services.ts';
import type { Plan } from '../../tutor/types.ts';
import { Message, type MessageRecord } from '../models/message.ts';
import { isObjectId } from '../validators/chat.ts';
import { notFound } from './not_found.ts';
import { messageView } from './views.ts';

/** Mobile networks cut connections that stay silent. */
const HEARTBEAT_MS = 15_000;
/** How soon a browser comes back after a broken connection. */
const RECONNECT_MS = 1000;

export default class MessagesController {
  /**
   * Server-sent events of one answer: `piece` {n, t}, from the one after Last-Event-ID on, then `done` with the message.
   * An answer that is not being written here (its process ended) is begun again; the text is the same.
   */
  async stream({ params, request, response, user }: HttpContext): Promise<void> {
    const id: unknown = params['id'];
    const message = isObjectId(id)
      ? await Message.findOne({ _id: id, userId: user._id, role: 'tutor' }).lean<MessageRecord>()
      : null;
    if (message === null) return notFound(response);
    if (message.status === 'pending') answers.start(message._id, message.plan as Plan);

    const lastSeen = Number.parseInt(request.header('last-event-id') ?? '', 10);
    const first = Number.isSafeInteger(lastSeen) && lastSeen >= 0 ? lastSeen + 1 : 0;
    const raw = response.response;
    // no-transform: a compressing proxy would hold small frames back.
    response.header('Content-Type', 'text/event-stream; charset=utf-8');
    response.header('Cache-Control', 'no-cache, no-store, no-transform');
    response.header('X-Accel-Buffering', 'no');
    raw.writeHead(200, response.getHeaders() as Record<string, string>);
    raw.write(`retry: ${RECONNECT_MS}\n\n`);

    const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS);
    try {
      for await (const { piece, number } of answers.follow(message._id.toString(), first) ?? []) {
        if (raw.destroyed) return;
        raw.write(`id: ${number}\nevent: piece\ndata: ${JSON.stringify({ n: number, t: piece })}\n\n`);
      }
      const stored = await Message.findOne({ _id: message._id, userId: user._id }).lean<MessageRecord>();
      if (stored !== null && !raw.destroyed) raw.write(`event: done\ndata: ${JSON.stringify(messageView(stored))}\n\n`);
    } finally {
      clearInterval(heartbeat);
      raw.end();
    }
  }
}
