import type { Finding } from './finding.ts';

/** A port that the world may reach. */
export interface OpenPort {
  port: number;
  protocol: 'tcp' | 'udp';
}

/** What the edge publishes; it speaks no HTTP/3, so nothing over UDP. */
const EDGE_PORTS: readonly OpenPort[] = [
  { port: 80, protocol: 'tcp' },
  { port: 443, protocol: 'tcp' },
];

/** Ports that containers may publish to the world: the edge's and those that were named on purpose. */
export function publishedPorts(openPorts: readonly OpenPort[] = []): OpenPort[] {
  return distinct([...EDGE_PORTS, ...openPorts]);
}

/** Every port that the world may reach, SSH first: it is let in before anything else happens. */
export function reachablePorts(sshPorts: readonly number[], openPorts: readonly OpenPort[] = []): OpenPort[] {
  return distinct([...sshPorts.map((port) => ({ port, protocol: 'tcp' as const })), ...publishedPorts(openPorts)]);
}

/** As UFW and people write it: `25/tcp`. */
export function portName({ port, protocol }: OpenPort): string {
  return `${port}/${protocol}`;
}

/** Reads `25/tcp` or `25`, which is TCP; null for anything else. */
export function parsePort(text: string): OpenPort | null {
  const [, digits = '', protocol = 'tcp'] = /^([0-9]{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  const port = Number(digits);
  return port > 0 && port < 65536 ? { port, protocol: protocol === 'udp' ? 'udp' : 'tcp' } : null;
}

/** Reads a list that is parted by commas or blanks; null where one of it is no port. */
export function parsePorts(text: string): OpenPort[] | null {
  const ports = text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map(parsePort);
  return ports.every((port) => port !== null) ? distinct(ports) : null;
}

/** What `docker ps` says of a container: its name and the ports that it publishes beyond loopback. */
export interface Publisher {
  container: string;
  ports: OpenPort[];
}

/** Reads lines `<name> <ports>` of `docker ps`, ports as in `0.0.0.0:5432->5432/tcp, [::]:5432->5432/tcp, 3000/tcp`. */
export function parsePublishers(text: string): Publisher[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [container = '', ...rest] = line.split(' ');
      const ports = rest
        .join(' ')
        .split(', ')
        .flatMap((each) => {
          const [, address = '', first = '', last = first, protocol = ''] =
            /^(.*):([0-9]+)(?:-([0-9]+))?->[0-9-]+\/(tcp|udp)$/.exec(each) ?? [];
          if (first === '' || /^(127\.|\[?::1\]?$)/.test(address)) return [];
          const length = Number(last) - Number(first) + 1;
          return Array.from({ length }, (_, index) => ({
            port: Number(first) + index,
            protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const),
          }));
        });
      return { container, ports: distinct(ports) };
    })
    .filter(({ ports }) => ports.length > 0);
}

/** What a closed firewall will shut, or has shut, although a container publishes it: the operator may count on it, or not know of it. */
export function shutPorts(publishers: readonly Publisher[], openPorts: readonly OpenPort[] = []): Finding[] {
  const open = publishedPorts(openPorts).map(portName);
  return publishers.flatMap(({ container, ports }) => {
    const shut = ports.map(portName).filter((port) => !open.includes(port));
    if (shut.length === 0) return [];
    const allowed = 'ports that nobody reaches from outside on a hardened host, or that the input open-ports names';
    return [{ what: `container ${container}`, found: `publishes ${shut.join(', ')}`, allowed }];
  });
}

function distinct(ports: readonly OpenPort[]): OpenPort[] {
  return [...new Map(ports.map((port) => [portName(port), port])).values()];
}
