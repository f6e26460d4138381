export { createEventLog, type EventLog } from './events.ts';
export { InputError, InputReader, readInputs, type DigestRef, type TextRules } from './inputs.ts';
export { maskSecret, redact } from './mask.ts';
export { setOutputs } from './outputs.ts';
export { registryLogin } from './registry-login.ts';
export { run } from './run.ts';
export {
  details,
  escapeMarkdown,
  fit,
  preformatted,
  table,
  timeline,
  writeSummary,
  type TimedStep,
} from './summary.ts';
export { duration, foreignLines } from './text.ts';
