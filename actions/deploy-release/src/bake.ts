import type { EnvelopeInput } from '@delivery/release';
import type { InputReader } from '@delivery/runner';

/** How long the new release is watched after the switch, and what is too bad to keep it. The host checks the same bounds. */
export function bakeInputs(input: InputReader): NonNullable<EnvelopeInput['options']> {
  return {
    bakeSeconds: input.int('bake-seconds', { fallback: 10, min: 0, max: 3600 }),
    bakeMinimumSamples: input.int('bake-minimum-samples', { fallback: 50, min: 1, max: 1_000_000 }),
    bakeErrorRatio: input.decimal('bake-error-ratio', { fallback: 0.02, min: 0, max: 1 }),
    bakeLatencyFactor: input.decimal('bake-latency-factor', { fallback: 3, min: 1, max: 1000 }),
    bakeLatencyFloorMs: input.int('bake-latency-floor-ms', { fallback: 250, min: 0, max: 60_000 }),
    bakeFailedProbes: input.int('bake-failed-probes', { fallback: 5, min: 1, max: 1000 }),
  };
}
