export { P95_SAMPLES, type HealthContract, type Literal } from './contract.ts';
export { MAX_BODY, openProbe, type Probe, type ProbeOptions } from './probe.ts';
export { at, checkSample, type Check, type Outcome, type Sample } from './sample.ts';
export { Judge, percentile, type State, type Verdict } from './verdict.ts';
export { watch, type Clock, type WatchOptions } from './watch.ts';
