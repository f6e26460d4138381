import { getOctokit } from '@actions/github';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeGitHub } from '../server.ts';
import type { Call } from '../server.ts';

const token = 'a-token';
let server: FakeGitHub;
let base: string;
let recorded: Call[];

beforeEach(async () => {
  recorded = [];
  server = new FakeGitHub(token, (call) => recorded.push(call));
  base = await server.listen();
});
afterEach(() => server.close());

const repos = (auth = token) => getOctokit(auth, { baseUrl: base }).rest.repos;
const repo = { owner: 'o', repo: 'r' };

describe('FakeGitHub', () => {
  it('keeps a deployment and its statuses, newest first', async () => {
    const { data } = await repos().createDeployment({ ...repo, ref: 'f'.repeat(40), environment: 'production' });
    const id = 'id' in data ? data.id : 0;
    await repos().createDeploymentStatus({ ...repo, deployment_id: id, state: 'in_progress' });
    await repos().createDeploymentStatus({
      ...repo,
      deployment_id: id,
      state: 'success',
      environment_url: 'https://x/',
    });
    const statuses = await repos().listDeploymentStatuses({ ...repo, deployment_id: id });
    expect(statuses.data.map(({ state }) => state)).toEqual(['success', 'in_progress']);
    expect(statuses.data[0]).toMatchObject({ environment: 'production', environment_url: 'https://x/' });
    const list = await repos().listDeployments(repo);
    expect(list.data).toHaveLength(1);
    expect((await repos().getDeployment({ ...repo, deployment_id: id })).data.production_environment).toBe(true);
  });

  it('records every call without the token', async () => {
    await repos().createDeployment({ ...repo, ref: 'main' });
    expect(recorded).toEqual(server.calls);
    expect(recorded[0]).toMatchObject({ method: 'POST', path: '/repos/o/r/deployments', status: 201 });
    expect(JSON.stringify(recorded)).not.toContain(token);
  });

  it('refuses as GitHub does', async () => {
    await expect(repos('wrong').listDeployments(repo)).rejects.toMatchObject({ status: 401 });
    await expect(repos().createDeployment({ ...repo, ref: '' })).rejects.toMatchObject({ status: 422 });
    await expect(repos().getDeployment({ ...repo, deployment_id: 99 })).rejects.toMatchObject({ status: 404 });
    await expect(repos().get(repo)).rejects.toMatchObject({ status: 404 });
    const { data } = await repos().createDeployment({ ...repo, ref: 'main' });
    const status = { ...repo, deployment_id: 'id' in data ? data.id : 0 };
    await expect(
      repos().createDeploymentStatus({ ...status, state: 'success', description: 'x'.repeat(141) }),
    ).rejects.toMatchObject({ status: 422 });
    const answer = await fetch(`${base}/repos/o/r/deployments`, {
      method: 'POST',
      body: '{',
      headers: { authorization: `token ${token}` },
    });
    expect(answer.status).toBe(400);
  });
});
