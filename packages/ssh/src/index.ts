export type { SessionOptions } from './connect.ts';
export { SshError, type SshErrorKind } from './errors.ts';
export { fingerprint } from './fingerprint.ts';
export { diagnoseKey, type KeyDiagnosis } from './key.ts';
export { readPins, type Pins } from './known-hosts.ts';
export { openSession, type ExecOptions, type ExecResult, type Session } from './session.ts';
