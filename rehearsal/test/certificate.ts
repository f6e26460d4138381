import { basename, dirname } from 'node:path';
import { attach } from '../hosts/rig.ts';
import type { Stage } from './stage.ts';

/** A certificate of the stage's authority and its key, both PEM; with days below zero it has ended. */
export async function issue(stage: Stage, host: string, days?: number): Promise<{ certificate: string; key: string }> {
  const rig = await attach(basename(dirname(stage.facts.directory)));
  if (rig === null) throw new Error('the instance of the stage is not up');
  return rig.ca.issue([host], days);
}

/** Gives the edge another certificate for the app of the stage, and waits until it serves it. Returns what takes that back. */
export async function serve(
  stage: Stage,
  { certificate, key }: { certificate: string; key: string },
): Promise<() => Promise<void>> {
  const at = '/opt/edge/certs/fixture.tls';
  // The edge reads a certificate when the file that names it changes.
  const reload = `cp -p /opt/edge/dynamic/fixture.tls.yaml /opt/edge/staging/fixture.tls.yaml
mv /opt/edge/staging/fixture.tls.yaml /opt/edge/dynamic/fixture.tls.yaml
wanted=$(openssl x509 -noout -fingerprint -in ${at}.crt)
for i in $(seq 100); do
  served=$(openssl s_client -connect 127.0.0.1:443 -servername fixture.test </dev/null 2>/dev/null | openssl x509 -noout -fingerprint)
  [ "$served" != "$wanted" ] || exit 0
  sleep 0.1
done
exit 1`;
  await stage.vpsShell(
    `for f in crt key; do cp -p ${at}.$f ${at}.$f.kept; done
printf '%s' "$1" >${at}.crt
printf '%s' "$2" >${at}.key
${reload}`,
    certificate,
    key,
  );
  return async () => void (await stage.vpsShell(`for f in crt key; do mv ${at}.$f.kept ${at}.$f; done\n${reload}`));
}
