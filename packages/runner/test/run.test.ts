import { afterEach, describe, expect, it } from '@jest/globals';
import { run } from '../src/index.ts';
import { printed } from './stdout.ts';

/** The test runner must survive. */
const stay = (): void => undefined;

afterEach(() => {
  process.exitCode = 0;
});

describe('run', () => {
  it('turns a failure into one line and exit code 1', async () => {
    const lines = await printed(() => run(() => Promise.reject(new Error('first\n  second')), stay));
    expect(lines.filter((line) => line.startsWith('::error'))).toEqual(['::error::first second']);
    expect(process.exitCode).toBe(1);
  });

  it('leaves the exit code alone after success', async () => {
    expect(await printed(() => run(() => Promise.resolve(), stay))).toEqual([]);
    expect(process.exitCode).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('hands %s on, once, and takes its handlers off again', async (name) => {
    const before = process.listenerCount(name);
    let reason = '';
    await printed(() =>
      run(async (signal) => {
        process.emit(name, name);
        await Promise.resolve();
        reason = (signal.reason as Error).message;
      }, stay),
    );
    expect(reason).toBe(`Cancelled by ${name}`);
    expect(process.listenerCount(name)).toBe(before);
  });
});
