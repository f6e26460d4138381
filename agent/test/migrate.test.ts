import { describe, expect, it } from '@jest/globals';
import { noJobsOfBefore } from '../src/steps/migrate.ts';

describe('jobs of an operation that died', () => {
  const docker = (containers: object[]): { removed: string[]; api: never } => {
    const removed: string[] = [];
    const api = {
      containers: (labels: string[]) =>
        Promise.resolve(labels.includes('com.docker.compose.project=shop-jobs') ? containers : []),
      remove: (id: string) => Promise.resolve(void removed.push(id)),
    };
    return { removed, api: api as never };
  };

  it('that still run refuse the next ones by name', async () => {
    const { removed, api } = docker([
      { id: '1', name: 'shop-jobs-migrate-run-1', running: true },
      { id: '2', name: 'shop-jobs-seed-run-1', running: false },
    ]);
    await expect(noJobsOfBefore({ docker: api }, 'shop-jobs')).rejects.toMatchObject({ code: 'job_running' });
    await expect(noJobsOfBefore({ docker: api }, 'shop-jobs')).rejects.toThrow('shop-jobs-migrate-run-1 of');
    expect(removed).toEqual([]);
  });

  it('that have ended are removed', async () => {
    const { removed, api } = docker([{ id: '2', name: 'x', running: false }]);
    await noJobsOfBefore({ docker: api }, 'shop-jobs');
    expect(removed).toEqual(['2']);
  });
});
