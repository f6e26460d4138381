import { cutOff, dropped, PROBE_KINDS, type Figures, type ProbeKind, type Receipt } from '@delivery/release';
import { details, escapeMarkdown, preformatted, table } from '../summary.ts';
import { duration } from '../text.ts';

const NAMES: Readonly<Record<ProbeKind, string>> = {
  get: 'GET, kept connection',
  'get-fresh': 'GET, new connection each',
  http2: 'GET, HTTP/2',
  post: 'POST, exactly once',
  upload: 'upload',
  slow: 'slow request',
  websocket: 'WebSocket',
  stream: 'stream',
};

/** The zero-drop receipt for the job summary: what was lost first, then every kind of request before, during and after the switch. */
export function receiptParts(receipt: Receipt): string[] {
  const lost = dropped(receipt);
  const cut = cutOff(receipt);
  const verdict =
    lost === null
      ? `✅ **Nothing was dropped**: ${receipt.requests} requests on the public path, 0 failures`
      : `❌ **Dropped**: ${escapeMarkdown(lost)}`;
  const parts = ['### Zero-drop receipt', `${verdict}.${cut === null ? '' : ` ⚠️ ${cut}.`}`, figures(receipt)];
  if (receipt.edge && receipt.edge.length > 0) {
    parts.push(
      'What the edge counted meanwhile, visitors included:',
      table(
        ['service', 'colour', 'requests', 'answered 5xx', 'of them 502 or 504'],
        receipt.edge.map(({ service, colour, requests, errors, gateway }) => [
          service,
          colour,
          String(requests),
          String(errors),
          String(gateway),
        ]),
      ),
    );
  }
  if (receipt.firstFailures && receipt.firstFailures.length > 0)
    parts.push(details('The first failures', preformatted(receipt.firstFailures)));
  return parts;
}

function figures(receipt: Receipt): string {
  const { kinds, phases } = receipt;
  const all = [receipt.p50Ms, receipt.p95Ms, receipt.p99Ms].map(duration);
  if (kinds === undefined || phases === undefined) {
    return table(
      ['requests', 'failures', 'connections cut', 'p50', 'p95', 'p99'],
      [[String(receipt.requests), String(receipt.failures), String(receipt.cut), ...all]],
    );
  }
  const row = (
    name: string,
    { before, during, after }: { before: Figures; during: Figures; after: Figures },
  ): string[] => [name, ...[before, during, after].flatMap((of) => [requests(of), latencies(of)])];
  const head = ['before', 'during', 'after'].flatMap((phase) => [`${phase}: requests`, 'p50 / p95 / p99']);
  return table(
    ['', ...head],
    PROBE_KINDS.flatMap((kind) => {
      const found = kinds[kind];
      return found === undefined ? [] : [row(NAMES[kind], found)];
    }),
  );
}

function requests({ requests: all, failures }: Figures): string {
  return failures === 0 ? String(all) : `${all}, ${failures} failed`;
}

function latencies({ p50Ms, p95Ms, p99Ms }: Figures): string {
  if (p50Ms === null || p95Ms === null || p99Ms === null) return '–';
  return [p50Ms, p95Ms, p99Ms].map(duration).join(' / ');
}
