import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { edgeTask, type Edge } from '../edge-change.ts';
import { FakeHost } from './fake-host.ts';

const GOOD: Edge = { image: 'edge:1', compose: 'services: {}\n', traefik: 'log: {}\n' };

/** An edge is one file: what it was started with. Images called bad end at once, deaf ones serve no app, and so do configurations. */
const DOCKER = `edge=ROOT/edge; home=ROOT/opt/edge
start() {
  [ -e $edge ] || echo 0 >$edge.id
  echo $(( $(cat $edge.id) + $1 )) >$edge.id
  date +%s%N >$edge.started
  { sed -n 's/^EDGE_IMAGE=//p' $home/.env | tail -n 1; cat $home/traefik.yaml; } >$edge
}
case "$1 $2" in
  'compose --ansi')
    case "$*" in *--force-recreate*) start 1; exit ;; esac
    [ -e $edge ] && [ "$(head -n 1 $edge)" = "$(sed -n 's/^EDGE_IMAGE=//p' $home/.env | tail -n 1)" ] || start 1 ;;
  'restart '*) start 0 ;;
  'exec edge') ! grep -q bad $edge ;;
  'logs '*) echo 'it said so' ;;
  'inspect '*)
    [ -e $edge ] || exit 1
    if grep -q bad $edge; then echo x >>$edge.ended; fi
    case $5 in
      '{{.Config.Image}} {{.State'*) echo "$(head -n 1 $edge) true edge" ;;
      '{{.Config.Image}}') head -n 1 $edge ;;
      '{{.Id}}') cat $edge.id ;;
      '{{.Id}} '*) cat $edge.id $edge.started ;;
      '{{.State.Running}}'*) echo 'true edge' ;;
      '{{.RestartCount}}') cat $edge.ended 2>/dev/null | wc -l ;;
    esac ;;
esac`;
const CURL = `[ -e ROOT/edge ] && ! grep -q bad ROOT/edge || { printf 000; exit 7; }
case $* in *shop.example*) if grep -q deaf ROOT/edge; then printf 404; else printf 200; fi ;; *) printf 404 ;; esac`;

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
  host.program('docker', DOCKER.replaceAll('ROOT', host.root));
  host.program('curl', CURL.replaceAll('ROOT', host.root));
  host.write('opt/edge/dynamic/shop.yaml', 'rule: Host(`shop.example`) && PathPrefix(`/`)\n');
});
afterEach(() => host.remove());

const run = (edge: Edge, mode: 'apply' | 'inspect' = 'apply'): string =>
  host.run([edgeTask(edge, 1)], ['/opt'], mode)[0] ?? '';
const files = (): string =>
  ['.env', 'compose.yaml', 'traefik.yaml'].map((name) => host.read(`opt/edge/${name}`)).join('');
const asIn = ({ image, compose, traefik }: Edge): string => `EDGE_IMAGE=${image}\n${compose}${traefik}`;
const kept = (): boolean => existsSync(join(host.root, 'opt/edge/before'));

describe('another edge', () => {
  beforeEach(() => {
    expect(run(GOOD)).toBe('edge changed started anew; was: no edge');
    host.calls();
  });

  it('is announced by its image, then changed once, with the time without an answer', () => {
    const other = { ...GOOD, image: 'edge:2' };
    expect(run(other, 'inspect')).toBe('edge drift image edge:1 -> edge:2; differs: .env');
    expect(files()).toBe(asIn(GOOD));
    expect(run(other)).toMatch(/^edge changed image edge:1 -> edge:2; no answer for \d+ ms; was: differs: \.env$/);
    expect(files()).toBe(asIn(other));
    expect(kept()).toBe(false);
    host.calls();
    expect(run(other)).toBe('edge ok');
    expect(host.calls().filter((call) => /compose|restart/.test(call))).toEqual([]);
  });

  it.each([
    ['image that ends at once', { ...GOOD, image: 'bad:2' }, 'no edge comes up with bad:2: it said so'],
    ['configuration that it does not take', { ...GOOD, traefik: 'bad: {}\n' }, 'no edge comes up with edge:1: '],
    ['image that serves no app', { ...GOOD, image: 'deaf:2' }, 'no edge comes up with deaf:2 that serves shop.example'],
  ])('with an %s gives way to the one before it', (_what, worse, why) => {
    const said = run(worse);
    expect(said).toContain('edge failed');
    expect(said).toContain(why);
    expect(said).toMatch(/the edge of before \(edge:1\) was put back and serves as it did; no answer for \d+ ms$/);
    expect(files()).toBe(asIn(GOOD));
    expect(host.read('edge')).toBe('edge:1\nlog: {}\n');
    expect(kept()).toBe(false);
    expect(run(GOOD)).toBe('edge ok');
    expect(run({ ...GOOD, image: 'edge:2' })).toMatch(/^edge changed image edge:1 -> edge:2/);
  });

  it('is changed between the operations of the apps', () => {
    for (const file of ['.env', 'lock']) host.write(`opt/shop/${file}`, '');
    host.program('flock', 'case $1 in --nonblock) exit 1 ;; *) exec /usr/bin/flock "$@" ;; esac');
    const [said] = host.run([edgeTask({ ...GOOD, image: 'edge:2' }, 1)], ['/opt'], 'apply', 1);
    expect(said).toMatch(
      /^edge failed operations of apps are still under way after 1 s: shop: an operation that has left no note;/,
    );
    expect(files()).toBe(asIn(GOOD));
  });

  it('whose change was cut off goes back to the last one that served', () => {
    const cut = { ...GOOD, image: 'bad:2' };
    // A run that was killed between the files and the proof.
    host.run(
      [
        {
          ...edgeTask(cut),
          apply: `cd /opt/edge; mkdir before; cp .env compose.yaml traefik.yaml .started-with before/; echo EDGE_IMAGE=bad:2 >.env; docker compose --ansi; exit 1`,
        },
      ],
      ['/opt'],
    );
    expect(host.read('edge')).toContain('bad:2');
    expect(run({ ...GOOD, image: 'bad:3' })).toContain('the edge of before (edge:1) was put back');
    expect(files()).toBe(asIn(GOOD));
  });

  it('says so where the one before it does not come up either, and keeps what it was', () => {
    host.program(
      'docker',
      `case $* in *compose*) rm -f ${host.root}/edge; exit 1 ;; *) ${DOCKER.replaceAll('ROOT', host.root)} ;; esac`,
    );
    expect(run({ ...GOOD, image: 'bad:2' })).toContain('THE EDGE DOES NOT SERVE');
    expect(files()).toBe(asIn(GOOD));
    expect(kept()).toBe(true);
  });
});

it('has nothing to go back to where it is the first one', () => {
  expect(run({ ...GOOD, image: 'bad:1' })).toMatch(
    /^edge failed .*it said so.*there was none before it to go back to$/,
  );
  expect(run(GOOD)).toMatch(/^edge changed image bad:1 -> edge:1; was: /);
});
