/** Something about a host that is not as it should be: found by preflight, by reading back, or from outside. */
export interface Finding {
  /** What was looked at, such as `sshd PasswordAuthentication` or `port 5432`. */
  what: string;
  found: string;
  /** What it should be, and where it helps the command that repairs it. */
  allowed: string;
}

/** A finding as one line for people. */
export function inWords({ what, found, allowed }: Finding): string {
  return `${what}: found ${found}; allowed: ${allowed}`;
}
