import { describe, expect, it } from '@jest/globals';
import { Collector, readLine } from '../events.ts';

const line = (fields: object): string => JSON.stringify({ level: 'info', job: 'Deploy/Deploy  ', ...fields });

describe('readLine', () => {
  it('knows the start and the end of a step, with its time', () => {
    expect(readLine(line({ stage: 'Main', step: 'Deploy', msg: '* Run Main Deploy' }))).toEqual({
      kind: 'start',
      job: 'Deploy/Deploy',
      step: 'Deploy',
    });
    expect(
      readLine(
        line({ stage: 'Main', step: 'Deploy', stepResult: 'failure', executionTime: 2_500_000, msg: 'Failure' }),
      ),
    ).toEqual({ kind: 'end', step: { job: 'Deploy/Deploy', step: 'Deploy', result: 'failure', ms: 2.5 } });
  });

  it('reads outputs, results of jobs and what a step prints', () => {
    expect(
      readLine(line({ command: 'set-output', stepID: ['build'], name: 'release-id', arg: 'r1', msg: '' })),
    ).toEqual({
      kind: 'output',
      name: 'build.release-id',
      value: 'r1',
    });
    expect(readLine(line({ jobResult: 'failure', msg: 'Job failed' }))).toMatchObject({ kind: 'job', success: false });
    expect(readLine(line({ raw_output: true, msg: 'hello\n' }))).toMatchObject({ kind: 'line', text: 'hello' });
  });

  it('keeps complaints that are no JSON, and leaves out the rest', () => {
    expect(readLine('Error: no such file')).toEqual({ kind: 'line', job: '', text: 'Error: no such file' });
    expect(readLine('')).toBeNull();
    expect(readLine(line({ stage: 'Post', step: 'x', stepResult: 'success', msg: '' }))).toBeNull();
  });
});

describe('Collector', () => {
  it('is green only when a job ran, none failed and act says so too', () => {
    const job = (success: boolean) => ({ kind: 'job', job: 'a', success }) as const;
    const finish = (code: number, ...results: boolean[]): boolean => {
      const collector = new Collector();
      for (const result of results) collector.take(job(result));
      return collector.finish(code, 1).success;
    };
    expect(finish(0, true, true)).toBe(true);
    expect(finish(0, true, false)).toBe(false);
    expect(finish(1, true)).toBe(false);
    expect(finish(0)).toBe(false);
  });
});
