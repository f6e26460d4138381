import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type * as deployment from '../src/deployment.ts';
import { printed } from './stdout.ts';

let server: Server;
let answer: number;
let requests: { url: string; body: Record<string, unknown>; token: string }[] = [];
let startDeployment: typeof deployment.startDeployment;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push({
        url: request.url ?? '',
        body: JSON.parse(body) as Record<string, unknown>,
        token: request.headers.authorization ?? '',
      });
      response.writeHead(answer, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 5, message: 'no' }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  Object.assign(process.env, {
    GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    GITHUB_SERVER_URL: 'https://github.example',
    GITHUB_REPOSITORY: 'owner/repo',
    GITHUB_SHA: 'abc',
    GITHUB_RUN_ID: '9',
  });
  // The toolkit reads the environment when it is loaded.
  ({ startDeployment } = await import('../src/deployment.ts'));
});

afterAll(() => void server.close());

beforeEach(() => {
  answer = 201;
  requests = [];
});

const options = {
  token: 'token-1',
  environment: 'production',
  environmentUrl: 'https://app.example/',
  description: 'app: r2',
};

describe('the deployment status', () => {
  it('is created, set in progress, and set to its end', async () => {
    const lines = await printed(async () => (await startDeployment(options)).finish('success', 'deployed: r2'));
    expect(lines).toEqual([]);
    expect(requests.map(({ url }) => url)).toEqual([
      '/repos/owner/repo/deployments',
      '/repos/owner/repo/deployments/5/statuses',
      '/repos/owner/repo/deployments/5/statuses',
    ]);
    expect(requests[0]).toMatchObject({
      token: 'token token-1',
      body: { ref: 'abc', environment: 'production', auto_merge: false, required_contexts: [] },
    });
    expect(requests.map(({ body }) => body['state'])).toEqual([undefined, 'in_progress', 'success']);
    expect(requests[2]?.body).toMatchObject({
      environment_url: 'https://app.example/',
      log_url: 'https://github.example/owner/repo/actions/runs/9',
    });
  });

  it.each([403, 404, 500, 202])('is a notice and no failure when GitHub answers %d', async (status) => {
    answer = status;
    const lines = await printed(async () => (await startDeployment(options)).finish('success', ''));
    expect(lines).toEqual([expect.stringMatching(/^::notice::No deployment status for "production".*not affected/)]);
    if (status < 500 && status > 299) expect(lines[0]).toContain('deployments: write');
  });

  it('asks nobody without environment, and says so without token', async () => {
    expect(
      await printed(async () => (await startDeployment({ ...options, environment: null })).finish('failure', '')),
    ).toEqual([]);
    expect(
      await printed(async () => (await startDeployment({ ...options, token: null })).finish('failure', '')),
    ).toEqual([expect.stringMatching(/^::notice::.*github-token is empty/)]);
    expect(requests).toEqual([]);
  });

  it('cuts a long description to what GitHub takes', async () => {
    await printed(async () => (await startDeployment(options)).finish('failure', 'x'.repeat(500)));
    expect(String(requests[2]?.body['description'])).toHaveLength(140);
  });
});
