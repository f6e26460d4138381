import { describe, expect, it } from '@jest/globals';
import { HealthSchema } from '../src/index.ts';

const problem = (health: object): string => HealthSchema.safeParse(health).error?.issues[0]?.message ?? 'none';

describe('the health contract', () => {
  it('has a default for everything but the bound of the p95', () => {
    expect(HealthSchema.parse({})).toEqual({
      path: '/health',
      status: 200,
      json: {},
      consecutive: 3,
      intervalMs: 100,
      timeoutMs: 2000,
      deadlineSeconds: 30,
    });
  });

  it('takes a bound for the p95 with samples and a warm-up', () => {
    expect(HealthSchema.parse({ maxP95Ms: 250, samples: 50, warmup: 0 })).toMatchObject({ maxP95Ms: 250, samples: 50 });
    expect(HealthSchema.parse({ maxP95Ms: 250 })).not.toHaveProperty('samples');
  });

  it('refuses samples that nothing is made of, and more than the deadline has room for', () => {
    expect(problem({ samples: 50 })).toBe('means something beside maxP95Ms only');
    expect(problem({ warmup: 5 })).toBe('means something beside maxP95Ms only');
    expect(problem({ maxP95Ms: 250, samples: 500 })).toMatch(/^needs 505 tries 100 ms apart, which do not fit/);
    expect(problem({ maxP95Ms: 250, intervalMs: 2000 })).toMatch('do not fit into deadlineSeconds');
    expect(problem({ maxP95Ms: 0 })).not.toBe('none');
  });
});
