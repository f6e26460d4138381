import type { Reading } from './audit.ts';
import { quote } from './shell.ts';
import type { HostPlan } from './tasks.ts';

/** A certificate that lasts for less than this is one that nobody renews: ACME does it a month before its end. */
const LEAST_DAYS = 14;

/**
 * When the certificates of the app end: the one that provisioning gave the edge from its file, those by ACME as the edge serves them for
 * each host name that it routes.
 */
export function certificateReading({ app, tls }: Pick<HostPlan, 'app' | 'tls'>): Reading {
  const what = 'certificate';
  const certificates =
    tls.mode === 'files'
      ? `told ${quote(app)} </opt/edge/certs/${app}.tls.crt`
      : `grep -o 'Host(\`[^\`]*\`)' /opt/edge/dynamic/${app}.yaml | cut -d '\`' -f 2 | sort -u | while read -r name; do
  timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$name" </dev/null | told "$name"
done`;
  const repair =
    tls.mode === 'files'
      ? 'provision with a new tls-certificate and tls-key'
      : 'the edge renews it where the certificate authority reaches this server; docker logs edge says why it did not';
  return {
    id: 'certificate',
    what: 'certificates and their ends',
    shell: `command -v openssl >/dev/null || { echo 'openssl is not here'; return 0; }
told() {
  pem=$(openssl x509) || :
  state=ends
  if printf '%s\\n' "$pem" | openssl x509 -noout -checkend ${LEAST_DAYS * 86_400} >/dev/null; then state=lasts; fi
  echo "$1 $state $(printf '%s\\n' "$pem" | openssl x509 -noout -enddate)"
}
${certificates}`,
    judge: (value) =>
      value.split('\n').flatMap((line) => {
        const [, name = '', until = ''] = /^(\S+) ends(?: notAfter=(.*))?$/.exec(line.trim()) ?? [];
        if (name === '') return [];
        return [
          {
            what: `${what} of ${name}`,
            found: until === '' ? 'none that can be read' : `ends on ${until}`,
            allowed: `${LEAST_DAYS} days and more until its end; to repair: ${repair}`,
          },
        ];
      }),
  };
}
