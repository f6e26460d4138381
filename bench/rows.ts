import { again, deploy, refused, rollback, rollbackToStopped, rollbackWatched } from './subjects.ts';
import type { Bench } from './subjects.ts';
import type { Link } from './link.ts';
import { plain } from './plain.ts';
import type { Sample } from './sample.ts';

/** Deadline of the health contract of a release that never listens, seconds. */
export const DEADLINE_S = 10;

/** A bound for the median; `boot` adds the app's own boot time as it was measured in the same run. */
export interface Goal {
  of: 'switched' | 'onHost' | 'wall';
  seconds: number;
  boot?: true;
}

/** One row of the table: what is measured n times, and what it is to reach. */
export interface Row {
  key: string;
  name: string;
  /** what the column "to reach" compares with the median */
  goals: readonly Goal[];
  one: (bench: Bench, n: number, link: Link) => Promise<Sample>;
}

const other = (bench: Bench, n: number): Bench['a'] => (n % 2 === 0 ? bench.b : bench.a);
/** What a 40 ms round trip may cost at most. */
const FAR_S = 0.5;

/**
 * In this order, because rows need what those before left: two releases, the older one's colour warm. A refused release and one that was
 * taken back while it was watched leave no warm colour, so they come after the rollbacks.
 */
export const ROWS: readonly Row[] = [
  {
    key: 'compose',
    name: '`docker compose pull && docker compose up -d`',
    goals: [],
    one: (bench, n) => plain(bench.stage, other(bench, n)),
  },
  {
    key: 'deploy',
    name: 'deploy, image in the registry',
    goals: [{ of: 'switched', seconds: 2, boot: true }],
    one: async (bench, n) => deploy(bench, await notLive(bench, n)),
  },
  {
    key: 'fresh',
    name: 'deploy, 5 MB layer never seen',
    goals: [{ of: 'switched', seconds: 2, boot: true }],
    one: (bench, n) => deploy(bench, fresh(bench, n)),
  },
  {
    key: 'mixed',
    name: 'deploy, mixed load (POST, upload, slow, HTTP/2, WebSocket, stream)',
    goals: [{ of: 'switched', seconds: 2, boot: true }],
    one: async (bench, n) => deploy(bench, await notLive(bench, n), { mix: 'mixed' }),
  },
  {
    key: 'again',
    name: 'deploy of what runs already',
    goals: [{ of: 'wall', seconds: 1.5 }],
    one: (bench) => again(bench),
  },
  {
    key: 'rollback',
    name: 'rollback to the warm colour',
    goals: [{ of: 'wall', seconds: 1.8 }],
    one: (bench) => rollback(bench),
  },
  {
    key: 'stopped',
    name: 'rollback to a stopped release',
    goals: [{ of: 'wall', seconds: 1.8, boot: true }],
    one: (bench) => rollbackToStopped(bench),
  },
  {
    key: 'crash',
    name: 'crash at boot, until refused',
    goals: [{ of: 'wall', seconds: 5 }],
    one: (bench) => refused(bench, bench.crash),
  },
  {
    key: 'hang',
    name: `never listens, until refused (deadline ${String(DEADLINE_S)} s)`,
    goals: [{ of: 'wall', seconds: DEADLINE_S + 1 }],
    one: (bench) => refused(bench, bench.hang),
  },
  {
    key: 'watched',
    name: 'rollback while the deploy watches (bake)',
    goals: [
      { of: 'switched', seconds: 1 },
      { of: 'onHost', seconds: 0.3 },
    ],
    one: async (bench, n) => rollbackWatched(bench, await notLive(bench, n)),
  },
  {
    key: 'far-deploy',
    name: 'at 40 ms: deploy',
    goals: [{ of: 'switched', seconds: 2 + FAR_S, boot: true }],
    one: async (bench, n, link) => deploy(bench, await notLive(bench, n), { link }),
  },
  {
    key: 'far-again',
    name: 'at 40 ms: deploy of what runs already',
    goals: [{ of: 'wall', seconds: 1.5 + FAR_S }],
    one: (bench, _, link) => again(bench, link),
  },
  {
    key: 'far-rollback',
    name: 'at 40 ms: rollback to the warm colour',
    goals: [{ of: 'wall', seconds: 1.8 + FAR_S }],
    one: (bench, _, link) => rollback(bench, link),
  },
  {
    key: 'far-stopped',
    name: 'at 40 ms: rollback to a stopped release',
    goals: [{ of: 'wall', seconds: 1.8 + FAR_S, boot: true }],
    one: (bench, _, link) => rollbackToStopped(bench, link),
  },
  {
    key: 'far-crash',
    name: 'at 40 ms: crash at boot, until refused',
    goals: [{ of: 'wall', seconds: 5 + FAR_S }],
    one: (bench, _, link) => refused(bench, bench.crash, link),
  },
  {
    key: 'far-hang',
    name: `at 40 ms: never listens, until refused (deadline ${String(DEADLINE_S)} s)`,
    goals: [{ of: 'wall', seconds: DEADLINE_S + 1 + FAR_S }],
    one: (bench, _, link) => refused(bench, bench.hang, link),
  },
  {
    key: 'far-watched',
    name: 'at 40 ms: rollback while the deploy watches (bake)',
    goals: [{ of: 'switched', seconds: 1 + FAR_S }],
    one: async (bench, n, link) => rollbackWatched(bench, await notLive(bench, n), link),
  },
];

function fresh(bench: Bench, n: number): Bench['a'] {
  const built = bench.fresh[n];
  if (built === undefined) throw new Error(`no release was built for run ${String(n)}`);
  return built;
}

/** One of the two releases that is not live, whatever the rows before left. */
async function notLive(bench: Bench, n: number): Promise<Bench['a']> {
  const { running } = await bench.stage.status();
  return running?.release === other(bench, n).releaseId ? other(bench, n + 1) : other(bench, n);
}
