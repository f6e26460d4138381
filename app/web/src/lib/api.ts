/** The API on the same origin. */

export interface User {
  id: string;
  name: string;
  email: string;
}

export interface ChatSummary {
  id: string;
  title: string;
  activeAt: string;
}

export interface Suggestion {
  label: string;
  question: string;
}

export interface Message {
  id: string;
  role: 'student' | 'tutor';
  status: 'pending' | 'complete';
  text: string;
  kind?: 'hint' | 'explanation' | 'example' | 'unknown' | 'greeting';
  language?: 'en' | 'fil';
  level?: number;
  source?: { lessonId: string; title: string; subject: string } | null;
  suggestions?: Suggestion[];
}

export interface LessonSummary {
  id: string;
  subject: string;
  language: 'en' | 'fil';
  title: string;
  ask: string;
}

/** What the API answered instead of a result; `fields` maps form fields to their messages. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly fields: Record<string, string>;

  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
  }
}

/** The release that answered last, from its X-Release header. */
export let release: string | null = null;

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: { accept: 'application/json', ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      cache: 'no-store',
    });
  } catch {
    throw new ApiError(0, 'There is no connection. Check your network and try again.');
  }
  release = response.headers.get('x-release') ?? release;
  if (response.status === 204) return undefined as T;
  const document: unknown = await response.json().catch(() => null);
  if (response.ok && document !== null) return document as T;
  throw errorOf(response.status, document);
}

function errorOf(status: number, document: unknown): ApiError {
  const error = (document as { error?: { message?: string; fields?: { field: string; message: string }[] } } | null)
    ?.error;
  const fields = Object.fromEntries((error?.fields ?? []).map(({ field, message }) => [field, message]));
  return new ApiError(
    status,
    error?.message ?? 'The tutor is not reachable right now. Please try again in a moment.',
    fields,
  );
}

export const api = {
  me: () => call<{ user: User | null }>('GET', 'auth/me'),
  register: (fields: { name: string; email: string; password: string }) =>
    call<{ user: User }>('POST', 'auth/register', fields),
  login: (fields: { email: string; password: string }) => call<{ user: User }>('POST', 'auth/login', fields),
  logout: () => call<void>('POST', 'auth/logout'),
  lessons: () => call<{ lessons: LessonSummary[] }>('GET', 'lessons'),
  chats: (before?: string) =>
    call<{ chats: ChatSummary[]; more: boolean }>(
      'GET',
      before ? `chats?before=${encodeURIComponent(before)}` : 'chats',
    ),
  chat: (id: string) => call<{ chat: ChatSummary; messages: Message[] }>('GET', `chats/${encodeURIComponent(id)}`),
  ask: (chatId: string | null, question: string) =>
    call<{ chat: ChatSummary; messages: Message[] }>(
      'POST',
      chatId === null ? 'chats' : `chats/${encodeURIComponent(chatId)}/messages`,
      { question },
    ),
  remove: (id: string) => call<void>('DELETE', `chats/${encodeURIComponent(id)}`),
};

/** Waits before the tries that follow a refused connection, in milliseconds; after the last one it is up to the student. */
const RETRIES_MS = [500, 1000, 2000, 4000, 8000];
/** A connection that says nothing for so long is dead, as happens on mobile networks. */
const SILENCE_MS = 10_000;

/**
 * Follows an answer while it is written. A broken connection is taken up by the browser, which asks for the pieces after the
 * last one it got; a refused or silent one (the server is being replaced) is opened anew here.
 * @returns a function that stops following.
 */
export function follow(
  messageId: string,
  on: { text(text: string): void; done(message: Message): void; failed(): void },
): () => void {
  const pieces: string[] = [];
  let refused = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource | undefined;

  const stop = () => {
    clearTimeout(timer);
    source?.close();
  };
  const again = () => {
    stop();
    const wait = RETRIES_MS[refused];
    refused += 1;
    if (wait === undefined) on.failed();
    else timer = setTimeout(connect, wait);
  };
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(again, SILENCE_MS);
  };

  function connect() {
    const opened = new EventSource(`/api/v1/messages/${encodeURIComponent(messageId)}/stream`);
    source = opened;
    heard();
    opened.addEventListener('piece', (event) => {
      const { n, t } = JSON.parse((event as MessageEvent<string>).data) as { n: number; t: string };
      refused = 0;
      heard();
      pieces[n] = t;
      on.text(pieces.join(''));
    });
    opened.addEventListener('done', (event) => {
      const message = JSON.parse((event as MessageEvent<string>).data) as Message;
      // Still pending: the server is going away. The browser reconnects to the next one.
      if (message.status === 'pending') return;
      stop();
      on.done(message);
    });
    opened.addEventListener('error', () => {
      if (opened.readyState === EventSource.CLOSED) again();
    });
  }

  connect();
  return stop;
}
