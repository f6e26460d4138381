/**
 * Why an SSH operation failed:
 * - `input`: the given key, known hosts or credentials cannot be used; nothing was sent
 * - `unreachable`: no TCP connection to host and port within the connect timeout
 * - `handshake`: something answered on the port, but no SSH handshake came about
 * - `host-key`: the server is not the pinned one
 * - `auth`: the server is the pinned one and refused the user or the key
 * - `connection-lost`: the connection ended while a command was running; the command's fate is unknown
 * - `exec-refused`: the server refused to start the command
 * - `exec-timeout`: the command ran longer than allowed
 * - `aborted`: the caller's signal fired
 */
export type SshErrorKind =
  | 'input'
  | 'unreachable'
  | 'handshake'
  | 'host-key'
  | 'auth'
  | 'connection-lost'
  | 'exec-refused'
  | 'exec-timeout'
  | 'aborted';

/** A failure of the SSH session itself, never the exit code of a remote command. The message holds no secret. */
export class SshError extends Error {
  readonly kind: SshErrorKind;

  constructor(kind: SshErrorKind, message: string) {
    super(message);
    this.name = 'SshError';
    this.kind = kind;
  }
}
