import { APT_SHELL } from './apt.ts';
import { quote } from './shell.ts';
import { fileTask, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** The one key that signs Docker's repository. */
export const DOCKER_FINGERPRINT = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88';
const KEY = '/etc/apt/keyrings/docker.asc';
const SOURCES = '/etc/apt/sources.list.d/docker.sources';

/** Docker's repository as apt reads it. */
export function dockerSources({ os, codename }: Pick<HostPlan, 'os' | 'codename'>): string {
  return [
    '# Managed by provision-vps.',
    'Types: deb',
    `URIs: https://download.docker.com/linux/${os}`,
    `Suites: ${codename}`,
    'Components: stable',
    `Signed-By: ${KEY}`,
    '',
  ].join('\n');
}

/** Counts the primary keys of an OpenPGP key file by walking its packets (RFC 9580, section 4); ends with 1 where it cannot. */
const PRIMARY_KEYS = `{ for (i = 1; i <= NF; i++) byte[n++] = $i }
END {
  at = 0
  while (at < n) {
    head = byte[at]
    if (head < 128) exit 1
    if (head >= 192) {
      tag = head - 192
      first = byte[at + 1]
      if (first < 192) { size = first; start = 2 }
      else if (first < 224) { size = (first - 192) * 256 + byte[at + 2] + 192; start = 3 }
      else if (first == 255) { size = ((byte[at + 2] * 256 + byte[at + 3]) * 256 + byte[at + 4]) * 256 + byte[at + 5]; start = 6 }
      else exit 1
    } else {
      tag = int((head - 128) / 4)
      if (head % 4 == 0) { size = byte[at + 1]; start = 2 }
      else if (head % 4 == 1) { size = byte[at + 1] * 256 + byte[at + 2]; start = 3 }
      else exit 1
    }
    if (tag == 6) keys++
    at += start + size
  }
  if (at != n) exit 1
  print keys + 0
}
`;

/**
 * Shell function \`only_key FILE FINGERPRINT\`: is this one armoured OpenPGP key and no other? A second key in the file would be trusted by
 * apt just the same. By what every system has: gpg is not on all of them. The fingerprint of a version 4 key is the SHA-1 over its first
 * packet, which begins with 0x99 and two bytes of length when it is written in the old format.
 */
export const ONLY_KEY_SHELL = `only_key() {
  [ "$(grep -c -- -----BEGIN "$1")" = 1 ] || return 1
  sed -e '1,/^[[:space:]]*$/d' -e '/^[=-]/,$d' "$1" | base64 -d >"$work/key" 2>/dev/null || return 1
  [ "$(od -An -v -tu1 "$work/key" | awk ${quote(PRIMARY_KEYS)})" = 1 ] || return 1
  set -- "$2" $(od -An -tu1 -N3 "$work/key")
  [ "\${2:-}" = 153 ] && [ "$(head -c $(( 3 + $3 * 256 + $4 )) "$work/key" | sha1sum | cut -c1-40 | tr a-f A-F)" = "$1" ]
}`;

/** Docker's own repository, by the key whose fingerprint is named here. One that the host has already is left as it is. */
export function dockerRepositoryTasks(plan: Pick<HostPlan, 'os' | 'codename'>): Task[] {
  const kept = `others=$(grep -ls 'download\\.docker\\.com' /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources | grep -v -x -F ${SOURCES} | tr '\\n' ' ')
[ -z "$others" ] || { say "kept: $others"; return 77; }`;
  const source = 'docs.docker.com/engine/install';
  const sources = fileTask({
    id: 'docker_repository',
    reason: "Docker's own packages come from Docker's repository and by its one key, which vouches for nothing else",
    source,
    path: SOURCES,
    mode: '644',
    content: dockerSources(plan),
  });
  return [
    {
      id: 'docker_key',
      reason: 'The key of the repository is known by its fingerprint, whoever answers the download',
      source: `${source} (fingerprint ${DOCKER_FINGERPRINT})`,
      show: `gpg --show-keys ${KEY}`,
      check: `${ONLY_KEY_SHELL}
${kept}
[ -f ${KEY} ] && [ "$(stat -c '%a %U:%G' ${KEY})" = '644 root:root' ] && only_key ${KEY} ${DOCKER_FINGERPRINT}`,
      apply: `${APT_SHELL}
${ONLY_KEY_SHELL}
missing=$(lacking ca-certificates curl)
[ -z "$missing" ] || install_packages $missing
curl -fsS --retry 3 --max-time 60 -o "$work/docker.asc" https://download.docker.com/linux/${plan.os}/gpg
only_key "$work/docker.asc" ${DOCKER_FINGERPRINT} || {
  echo "what download.docker.com gave is not the key ${DOCKER_FINGERPRINT} alone; nothing of it is trusted"
  return 1
}
directory /etc/apt/keyrings 755 root:root
put ${KEY} 644 root:root <"$work/docker.asc"`,
    },
    { ...sources, check: `${kept}\n${sources.check}` },
  ];
}
