import { describe, expect, it } from '@jest/globals';
import { formatEvent } from '@delivery/release';
import type { Event, Step } from '@delivery/release';
import { agentsOn, lastWords, lives, standing } from '../hold.ts';

const HEAD = { v: 1, t: '2026-01-01T00:00:00.000Z', op: 'op-1' } as const;
const RESULT: Event = {
  ...HEAD,
  event: 'result',
  outcome: 'refused',
  running: null,
  previous: null,
  timings: { totalMs: 1 },
  receipt: null,
  error: null,
};

function said(...steps: [Step, 'start' | 'ok' | 'failed' | 'skipped'][]): string {
  return steps.map(([step, status]) => formatEvent({ ...HEAD, event: 'step', step, status })).join('');
}

describe('where an operation stands', () => {
  it('tells the beginning of a step from its end', () => {
    expect(standing(said(['plan', 'start'], ['plan', 'ok'], ['pull', 'start']), 'pull')).toBe('begun');
    expect(standing(said(['pull', 'start'], ['pull', 'ok']), 'pull')).toBe('over');
    expect(standing(said(['pull', 'start'], ['pull', 'failed']), 'pull')).toBe('over');
    expect(standing(said(['migrate', 'skipped']), 'migrate')).toBe('skipped');
  });

  it('looks closely from the step before on, and between two steps', () => {
    expect(standing('', 'lock')).toBe('near');
    expect(standing(said(['migrate', 'start']), 'start')).toBe('near');
    expect(standing(said(['plan', 'start']), 'route')).toBe('before');
    expect(standing(said(['plan', 'ok']), 'start')).toBe('near');
  });

  it('gives up with the result, but for what comes after it', () => {
    const text = said(['plan', 'start'], ['plan', 'failed']) + formatEvent(RESULT);
    expect(standing(text, 'gate')).toBe('ended');
    expect(standing(text, 'drain')).not.toBe('ended');
    expect(standing(text, 'prune')).not.toBe('ended');
  });

  it('reads whole lines only', () => {
    expect(standing(`${said(['plan', 'start'])}{"v":1,"event":"st`, 'plan')).toBe('begun');
    expect(lastWords('one\ntwo\n')).toBe('two');
  });
});

describe('processes', () => {
  it('knows the living', () => {
    expect(lives(process.pid)).toBe(true);
    expect(lives(2 ** 22 + 1)).toBe(false);
  });

  it('takes no program of this machine for an agent of a host', () => {
    expect(agentsOn(process.pid)).toEqual([]);
  });
});
