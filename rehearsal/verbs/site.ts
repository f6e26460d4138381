/** Asks the rehearsed site over HTTPS, its certificate checked against the instance's authority. */
import { request } from 'node:https';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface Site {
  /** Name in the URL and the certificate; it need not resolve, the address is 127.0.0.1. */
  host: string;
  port: number;
  /** PEM of the only authority that is trusted. */
  ca: string;
}

export const address = (site: Site): string => `https://${site.host}:${site.port}`;

/** One GET on a connection of its own. Rejects where there is no answer, no trusted certificate, or none within the time. */
export function get(site: Site, path: string, timeoutMs = 5000): Promise<Answer> {
  return new Promise((done, fail) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: site.port,
        path,
        servername: site.host,
        headers: { host: `${site.host}:${site.port}` },
        ca: site.ca,
        agent: false,
        timeout: timeoutMs,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const { statusCode = 0, headers } = response;
          done({ status: statusCode, headers, body: Buffer.concat(chunks).toString('utf8') });
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.on('error', fail);
    call.end();
  });
}

/** What the site says about itself on its health path; `release` is null where it names none. */
export async function health(site: Site): Promise<{ healthy: boolean; release: string | null; status: number }> {
  const answer = await get(site, '/api/health');
  const release = answer.headers['x-release'];
  let healthy = false;
  try {
    healthy = answer.status === 200 && (JSON.parse(answer.body) as { status?: unknown }).status === 'healthy';
  } catch {
    // Not the document: not healthy.
  }
  return { healthy, release: typeof release === 'string' ? release : null, status: answer.status };
}
