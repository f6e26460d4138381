import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { components } from '@octokit/openapi-types';

type Schemas = components['schemas'];

/** One call as it came in; what the rehearsal and its tests look at. Never holds the token. */
export interface Call {
  method: string;
  path: string;
  body: unknown;
  status: number;
}

interface Answer {
  status: number;
  body: object;
}

const STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'] as const;
const MAX_BODY = 1024 * 1024;

/**
 * The part of GitHub's REST API that the actions call (deployments and their statuses), in memory. Answers have the types of GitHub's published
 * schema, so a field that GitHub does not send, or a missing one, does not compile. Everything else is 404, and calls without the token 401.
 */
export class FakeGitHub {
  readonly calls: Call[] = [];
  private readonly deployments = new Map<
    number,
    { value: Schemas['deployment']; statuses: Schemas['deployment-status'][] }
  >();
  private readonly server: Server;
  private readonly token: string;
  private readonly record: ((call: Call) => void) | undefined;
  private base = '';
  private nextId = 1;

  constructor(token: string, record?: (call: Call) => void) {
    this.token = token;
    this.record = record;
    this.server = createServer((request, response) => {
      void this.serve(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
      });
    });
  }

  /** Listens on 127.0.0.1 and returns the base URL, as `GITHUB_API_URL` has it. Port 0 takes a free one. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((done, fail) => {
      this.server.once('error', fail);
      this.server.listen(port, '127.0.0.1', done);
    });
    this.base = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this.base;
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => {
      this.server.close(() => done());
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage): Promise<Answer> {
    const path = new URL(request.url ?? '/', 'http://api').pathname;
    const method = request.method ?? '';
    let body: unknown = null;
    let answer: Answer;
    try {
      body = await readBody(request);
      answer = this.authorized(request) ? this.route(method, path, body) : refusal(401, 'Bad credentials');
    } catch (error) {
      answer = refusal(400, error instanceof Error ? error.message : String(error));
    }
    const call = { method, path, body, status: answer.status };
    this.calls.push(call);
    this.record?.(call);
    return answer;
  }

  private authorized(request: IncomingMessage): boolean {
    return [`token ${this.token}`, `Bearer ${this.token}`].includes(request.headers.authorization ?? '');
  }

  private route(method: string, path: string, body: unknown): Answer {
    const [, owner, repo, id, statuses] =
      /^\/repos\/([\w.-]+)\/([\w.-]+)\/deployments(?:\/(\d+)(\/statuses)?)?$/.exec(path) ?? [];
    if (owner === undefined || repo === undefined) return refusal(404, 'Not Found');
    if (id === undefined) {
      if (method === 'POST') return this.create(`${owner}/${repo}`, body);
      if (method === 'GET')
        return { status: 200, body: [...this.deployments.values()].map(({ value }) => value).reverse() };
      return refusal(404, 'Not Found');
    }
    const found = this.deployments.get(Number(id));
    if (found === undefined) return refusal(404, 'Not Found');
    if (statuses === undefined)
      return method === 'GET' ? { status: 200, body: found.value } : refusal(404, 'Not Found');
    if (method === 'GET') return { status: 200, body: [...found.statuses].reverse() };
    return method === 'POST' ? this.report(found.value, found.statuses, body) : refusal(404, 'Not Found');
  }

  private create(repository: string, body: unknown): Answer {
    const input = fields(body);
    if (typeof input['ref'] !== 'string' || input['ref'] === '')
      return refusal(422, 'Invalid request. "ref" wasn\'t supplied.');
    const id = this.nextId++;
    const url = `${this.base}/repos/${repository}/deployments/${id}`;
    const now = new Date().toISOString();
    const environment = text(input['environment'], 'production');
    const value = {
      url,
      id,
      node_id: node('Deployment', id),
      sha: input['ref'],
      ref: input['ref'],
      task: text(input['task'], 'deploy'),
      payload: {},
      original_environment: environment,
      environment,
      description: text(input['description'], ''),
      creator: null,
      created_at: now,
      updated_at: now,
      statuses_url: `${url}/statuses`,
      repository_url: `${this.base}/repos/${repository}`,
      transient_environment: false,
      production_environment: environment === 'production',
    } satisfies Schemas['deployment'];
    this.deployments.set(id, { value, statuses: [] });
    return { status: 201, body: value };
  }

  private report(deployment: Schemas['deployment'], statuses: Schemas['deployment-status'][], body: unknown): Answer {
    const input = fields(body);
    const state = STATES.find((each) => each === input['state']);
    if (state === undefined) return refusal(422, 'Validation Failed');
    const description = text(input['description'], '');
    if (description.length > 140) return refusal(422, 'description is too long (maximum is 140 characters)');
    const id = this.nextId++;
    const now = new Date().toISOString();
    const value = {
      url: `${deployment.statuses_url}/${id}`,
      id,
      node_id: node('DeploymentStatus', id),
      state,
      creator: null,
      description,
      environment: deployment.environment,
      target_url: text(input['log_url'], ''),
      created_at: now,
      updated_at: now,
      deployment_url: deployment.url,
      repository_url: deployment.repository_url,
      environment_url: text(input['environment_url'], ''),
      log_url: text(input['log_url'], ''),
    } satisfies Schemas['deployment-status'];
    statuses.push(value);
    return { status: 201, body: value };
  }
}

const node = (kind: string, id: number): string => Buffer.from(`0:${kind}${id}`).toString('base64');
const text = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback);
const fields = (body: unknown): Record<string, unknown> =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
const refusal = (status: number, message: string): Answer => ({
  status,
  body: { message, documentation_url: 'https://docs.github.com/rest' } satisfies Schemas['basic-error'],
});

async function readBody(request: IncomingMessage): Promise<unknown> {
  let size = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error('Payload too large');
    chunks.push(chunk);
  }
  const raw = Buffer.concat(chunks).toString('utf8');
  if (raw === '') return null;
  try {
    return JSON.parse(raw);
  } catch {
    throw new Error('Problems parsing JSON');
  }
}

// As a program: `node server.ts PORT CALLS_FILE`, the token in FAKE_GITHUB_TOKEN; prints the base URL and serves until it is stopped.
if (import.meta.main) {
  const [port = '0', file] = process.argv.slice(2);
  const token = process.env['FAKE_GITHUB_TOKEN'];
  if (!token || file === undefined || !/^\d{1,5}$/.test(port)) {
    console.error('usage: FAKE_GITHUB_TOKEN=... node server.ts PORT CALLS_FILE');
    process.exit(64);
  }
  const server = new FakeGitHub(token, (call) => appendFileSync(file, `${JSON.stringify(call)}\n`, { mode: 0o600 }));
  console.log(await server.listen(Number(port)));
}
