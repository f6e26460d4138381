import { randomBytes } from 'node:crypto';

export interface Identity {
  /** `<run id>-<attempt>-<random>`: unique, and recognisable as belonging to a workflow run. */
  operation: string;
  runId: string;
  actor: string;
  /** Address of the workflow run; empty outside of GitHub. */
  run: string;
}

/** Who asks, from the runner's environment. */
export function identity(env: NodeJS.ProcessEnv = process.env): Identity {
  const runId = /^[0-9]{1,20}$/.test(env['GITHUB_RUN_ID'] ?? '') ? (env['GITHUB_RUN_ID'] ?? '') : '';
  const attempt = /^[0-9]{1,6}$/.test(env['GITHUB_RUN_ATTEMPT'] ?? '') ? env['GITHUB_RUN_ATTEMPT'] : '1';
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_ACTOR: actor = '' } = env;
  return {
    operation: `${runId === '' ? 'local' : runId}-${attempt}-${randomBytes(4).toString('hex')}`,
    runId,
    actor: actor.replace(/\p{Cc}/gu, '').slice(0, 256),
    run: server && repository && runId !== '' ? `${server}/${repository}/actions/runs/${runId}` : '',
  };
}
