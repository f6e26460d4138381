import { getExecOutput } from '@actions/exec';

/** Where the release comes from. */
export interface Source {
  commit: string;
  /** ISO time of the commit in UTC, without fractions. */
  committed: string;
  /** Address of the repository, or ''. */
  repository: string;
}

/**
 * The commit that is checked out in `directory`; GITHUB_SHA where git or its history is not there.
 * @throws Error when neither is known
 */
export async function readSource(directory: string): Promise<Source> {
  const [commit = process.env['GITHUB_SHA'] ?? '', seconds] = await lastCommit(directory);
  if (!/^[0-9a-f]{7,64}$/.test(commit))
    throw new Error('The commit is not known: check out the repository with git, or set GITHUB_SHA');
  const time = seconds === undefined ? new Date() : new Date(Number(seconds) * 1000);
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  return {
    commit,
    committed: time.toISOString().replace(/\.\d+/, ''),
    repository: server && repository ? `${server}/${repository}` : '',
  };
}

async function lastCommit(directory: string): Promise<string[]> {
  try {
    const { exitCode, stdout } = await getExecOutput('git', ['-C', directory, 'log', '-1', '--format=%H %ct'], {
      silent: true,
      ignoreReturnCode: true,
    });
    return exitCode === 0 ? stdout.trim().split(' ') : [];
  } catch {
    return [];
  }
}
