import { runCell } from './cell.ts';
import { judge } from './judge.ts';
import type { Evidence } from './judge.ts';
import { observe } from './observe.ts';
import { troubles } from './report.ts';
import { SECRETS } from './site.ts';
import type { Site } from './site.ts';
import type { Cell } from './table.ts';

export interface Planted {
  name: string;
  /** What the judge said to what was planted; empty where it saw nothing, which is the failure. */
  found: string[];
  missed: string[];
}

/** Plants what the judge must not overlook, one of each question it answers. A judge that stays silent is broken. */
export async function plantAll(site: Site, releases: readonly string[]): Promise<Planted[]> {
  return [await plantOutage(site, releases), await plantSick(site), await plantLeftovers(site)];
}

function expectWords(name: string, found: string[], words: readonly string[]): Planted {
  return { name, found, missed: words.filter((word) => !found.some((text) => text.includes(word))) };
}

/** A wrong expectation: Traefik is killed, and visitors are said not to notice. */
async function plantOutage(site: Site, releases: readonly string[]): Promise<Planted> {
  const cell: Cell = { verb: 'deploy', step: 'gate', victim: 'edge', outageSeconds: 0, ends: 'any' };
  const result = await runCell(site, cell, releases);
  return expectWords('an outage that nobody is to notice', troubles(result), ['serving: ', 'requests failed']);
}

/** A sick fixture: the release that is to run in the end cannot. */
async function plantSick(site: Site): Promise<Planted> {
  const sick = await site.make('sick', { SICK: 'crash' });
  const cell: Cell = { verb: 'deploy', step: 'start', victim: 'runner', outageSeconds: 0, ends: 'done' };
  const result = await runCell(site, cell, [sick.releaseId]);
  return expectWords('a release that cannot run', troubles(result), [
    'the operation itself ended as',
    'the next run ended with code 1',
    'status says',
    'the public path answers as',
  ]);
}

/** Things that a bad operation could leave or lose, put on the host by hand and taken away again. */
async function plantLeftovers(site: Site): Promise<Planted> {
  const before = await observe(site);
  await site.vpsShell(
    `cp -p /opt/fixture/ledger.jsonl /tmp/ledger.kept
    image=$(docker inspect -f '{{.Image}}' edge)
    docker create --name planted -v planted:/planted "$image" > /dev/null
    chmod 644 /opt/fixture/.env
    sed -i '1s/"seq":1,/"seq":7,/' /opt/fixture/ledger.jsonl
    touch /opt/edge/staging/planted.yaml`,
  );
  try {
    const after = await observe(site);
    const evidence: Evidence = {
      struckAt: 0,
      visits: { requests: 100, failures: 0, causes: {}, firstFailureAt: null, lastFailureAt: null },
      answering: 'r',
      outcome: 'deployed',
      wanted: 'r',
      next: { code: 0, outcome: 'deployed', running: 'r', log: '' },
      served: 'r',
      before,
      after: { ...after, rows: after.rows.slice(1) },
      secrets: { ...SECRETS, PLANTED: 'never sent' },
    };
    const { kept } = judge({ verb: 'deploy', step: 'gate', victim: 'agent', outageSeconds: 0, ends: 'any' }, evidence);
    return expectWords('leftovers and losses', kept, [
      'container planted',
      'volume planted',
      'mode 644',
      'earlier entry',
      'staging/planted.yaml',
      'rows',
      'PLANTED',
    ]);
  } finally {
    await site.vpsShell(
      `docker rm -f -v planted > /dev/null; docker volume rm -f planted > /dev/null; chmod 600 /opt/fixture/.env
      cat /tmp/ledger.kept > /opt/fixture/ledger.jsonl; rm -f /opt/edge/staging/planted.yaml /tmp/ledger.kept`,
    );
  }
}
