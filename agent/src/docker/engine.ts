import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

/** Answers of the Engine that are no success; `status` 404 is "no such", 409 a conflict, 0 no answer at all. */
export class DockerError extends Error {
  readonly status: number;
  /** All that the compose client said, where it was the one that failed. */
  readonly output: string;

  constructor(status: number, message: string, output = '') {
    super(message);
    this.name = 'DockerError';
    this.status = status;
    this.output = output;
  }
}

/** The Engine's HTTP interface on its socket. */
export class Engine {
  readonly socket: string;
  private readonly pool: Pool;

  constructor(socket: string) {
    this.socket = socket;
    // Pulls and graceful stops are silent for long; both are bounded by the Engine.
    this.pool = new Pool('http://docker', { socketPath: socket, connections: 16, headersTimeout: 0, bodyTimeout: 0 });
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  /** Throws DockerError for every answer that is no success, and where there is none. */
  async request(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Dispatcher.ResponseData> {
    const hasBody = options.body !== undefined;
    const headers = { ...options.headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) };
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.pool.request({
        method,
        path,
        headers,
        body: hasBody ? JSON.stringify(options.body) : null,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      throw new DockerError(0, `Docker does not answer at ${this.socket}: ${(error as Error).message}`);
    }
    if (answer.statusCode < 400) return answer;
    const text = await answer.body.text();
    let message = text.trim();
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // not JSON: the text as it is
    }
    throw new DockerError(answer.statusCode, message);
  }

  /** The answer's JSON document, null where it is empty (or missing, if that is asked for). */
  async json(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { body?: unknown; missing?: boolean } = {},
  ): Promise<unknown> {
    try {
      const answer = await this.request(method, path, options);
      const text = await answer.body.text();
      return text === '' || answer.statusCode === 304 ? null : (JSON.parse(text) as unknown);
    } catch (error) {
      if (options.missing === true && error instanceof DockerError && error.status === 404) return null;
      throw error;
    }
  }
}
