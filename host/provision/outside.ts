import { isIP, isIPv6 } from 'node:net';
import type { Finding } from './finding.ts';
import { parsePublishers, type OpenPort, type Publisher } from './ports.ts';
import { TRIAL_FUNCTIONS } from './trial-ban.ts';

/** What is found open on servers most often: Docker's API, web frameworks, databases, admin pages. Looked at whatever the host says. */
export const USUAL_SUSPECTS: readonly number[] = [2375, 2376, 3000, 3306, 5432, 6379, 8080, 9000, 27017];

/**
 * The host's half of the proof from outside, for root's shell: it tells what listens here, so that the runner can knock, and bans an address
 * for trial.
 */
export const OUTSIDE_SCRIPT = String.raw`set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
${TRIAL_FUNCTIONS}
tell() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"; }
main() {
  trap tidy EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  tell listeners "$(awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)"
  tell publishers "$(docker ps --format '{{.Names}} {{.Ports}}' 2>/dev/null)"
  tell addresses "$(ip -6 -o addr show scope global 2>/dev/null | awk '$2 !~ /^(docker|br-|veth)/ { sub(/\/.*/, "", $4); print $4 }')"
  trial
  tell trial_end done
}
main </dev/null
exit
`;

/** What the host said of itself. */
export interface Inside {
  /** TCP ports that something listens on beyond loopback. */
  listeners: number[];
  publishers: Publisher[];
  /** Its own global IPv6 addresses. */
  addresses: string[];
}

/** Reads the values of OUTSIDE_SCRIPT. */
export function parseInside(told: ReadonlyMap<string, string>): Inside {
  const lines = (name: string): string[] => (told.get(name) ?? '').split('\n').filter((line) => line !== '');
  const listeners = lines('listeners').flatMap((line) => {
    const [address = '', port = ''] = line.split(':');
    return isLoopback(address) ? [] : [Number.parseInt(port, 16)];
  });
  return {
    listeners: [...new Set(listeners)].sort((a, b) => a - b),
    publishers: parsePublishers(told.get('publishers') ?? ''),
    addresses: lines('addresses').filter((address) => isIPv6(address)),
  };
}

/** An address as /proc/net/tcp{,6} prints it: words of 32 bits, each in the machine's byte order, which is little-endian here. */
function isLoopback(hex: string): boolean {
  if (hex.length === 8) return hex.endsWith('7F');
  return (
    hex === '00000000000000000000000001000000' || (hex.startsWith('0000000000000000FFFF0000') && hex.endsWith('7F'))
  );
}

/** Ports to knock on: what listens, what is published, what should answer, and the usual suspects. */
export function portsToTry({ listeners, publishers }: Inside, allowed: readonly number[]): number[] {
  const published = publishers.flatMap(({ ports }) => ports.filter(({ protocol }) => protocol === 'tcp'));
  const ports = [...allowed, ...listeners, ...published.map(({ port }) => port), ...USUAL_SUSPECTS];
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** How a connection went: `unreachable` where the runner has no way there at all, such as IPv6 on a runner without it. */
export type Answer = 'open' | 'closed' | 'unreachable';

export interface Knock {
  address: string;
  port: number;
  answer: Answer;
}

/** What may answer: everything else that does is a finding. */
export interface Allowed {
  /** The port that this run came in by; if that does not answer, the look was blind. */
  ssh: number;
  ports: readonly OpenPort[];
}

/** A finding for each port that answers and should not. A look that does not even see the SSH port it came in by proves nothing. */
export function judgeOutside(
  knocks: readonly Knock[],
  { ssh, ports }: Allowed,
  publishers: readonly Publisher[],
): Finding[] {
  const open = knocks.filter(({ answer }) => answer === 'open');
  const allowed = new Set([ssh, ...ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port)]);
  const findings = [...new Set(open.map(({ port }) => port))]
    .filter((port) => !allowed.has(port))
    .map((port) => {
      const where = open.filter((knock) => knock.port === port).map(({ address }) => address);
      const owners = publishers.filter((each) => each.ports.some((published) => published.port === port));
      const owner = owners.map(({ container }) => ` (container ${container})`).join('');
      return {
        what: `port ${port}`,
        found: `accepts connections from outside at ${where.join(' and ')}${owner}`,
        allowed: `closed from outside: look at "ufw status numbered" and at what listens, or name ${port}/tcp in the input open-ports`,
      };
    });
  if (open.some(({ port }) => port === ssh)) return findings;
  return [
    ...findings,
    {
      what: 'look from outside',
      found: `not even port ${ssh}, which this run came in by, answers at ${[...new Set(knocks.map(({ address }) => address))].join(', ') || 'any address'}`,
      allowed: 'an answer there; without one the look proves nothing about the other ports',
    },
  ];
}

/** The look in one line for each address, for people. */
export function outsideSummary(knocks: readonly Knock[]): string {
  const addresses = [...new Set(knocks.map(({ address }) => address))];
  return addresses
    .map((address) => {
      const here = knocks.filter((knock) => knock.address === address);
      if (here.every(({ answer }) => answer === 'unreachable')) return `${address}: this runner has no way there`;
      const open = here.filter(({ answer }) => answer === 'open').map(({ port }) => port);
      return `${address}: open ${open.join(', ') || 'none'}; closed ${here.length - open.length} others`;
    })
    .join('\n');
}

/** Of the addresses that a name stands for and those that the host calls its own: one look at each. */
export function addressesToTry(resolved: readonly string[], { addresses }: Inside): string[] {
  return [...new Set([...resolved, ...addresses])].filter((address) => isIP(address) !== 0);
}
