import { testHost } from '../rehearsal/hosts/host.ts';
import type { RunnerHost } from '../rehearsal/test/action.ts';

const PATH = '/root/clocked-node';

/**
 * Runs node and prints when its process began and ended, in milliseconds since 1970: starting it through `docker exec` takes some 75 ms
 * that no workflow has. Perl, because a shell would drop environment variables whose names have a dash.
 */
const SCRIPT = `#!/usr/bin/perl
use Time::HiRes 'time';
$| = 1;
printf "::debug::began %.0f\\n", time * 1000;
my $code = system('node', @ARGV);
printf "::debug::ended %.0f\\n", time * 1000;
exit($code >> 8);
`;

/** The same for a container that has Python and not all of Perl. */
const PYTHON = `#!/usr/bin/python3
import subprocess, sys, time
print('::debug::began %.0f' % (time.time() * 1000), flush=True)
code = subprocess.call(['node', *sys.argv[1:]])
print('::debug::ended %.0f' % (time.time() * 1000), flush=True)
sys.exit(code)
`;

/** The runner with a node that says its times. */
export async function clocked(runner: RunnerHost, language: 'perl' | 'python' = 'perl'): Promise<RunnerHost> {
  await testHost(runner.container).write(PATH, language === 'perl' ? SCRIPT : PYTHON, 0o755);
  return { ...runner, node: PATH };
}

/** One of the two times of a clocked run. Throws where the output does not have it. */
export function clock(log: string, what: 'began' | 'ended'): number {
  const found = new RegExp(`^::debug::${what} (\\d+)$`, 'm').exec(log)?.[1];
  if (found === undefined) throw new Error(`the action's process did not say when it ${what}\n${log}`);
  return Number(found);
}
