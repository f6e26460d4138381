import ssh2 from 'ssh2';
import { fingerprint } from './fingerprint.ts';

/** A private key that can be used, or the reason why not with the command that repairs it. Neither text ever quotes the key. */
export type KeyDiagnosis =
  | { ok: true; key: string; type: string; fingerprint: string; publicLine: string }
  | { ok: false; reason: string; repair: string };

const BEGIN = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----/g;
/** How the base64 of such a key begins: version 0 and the algorithm's object identifier. */
const ED25519_IN_PKCS8 = 'MC4CAQAwBQYDK2Vw';
const STORE_AGAIN = 'store the file itself again: gh secret set SSH_PRIVATE_KEY < path/to/key';
const TO_OPENSSH = 'convert it to the OpenSSH format: ssh-keygen -p -f path/to/key';

const refuse = (reason: string, repair: string): KeyDiagnosis => ({ ok: false, reason, repair });

/**
 * Checks a private key before anything is sent. What ssh2 survives (CRLF, no final newline, a byte order mark, blank lines)
 * is normalised; everything else is refused with the defect's name.
 */
export function diagnoseKey(text: string, passphrase?: string): KeyDiagnosis {
  const normal = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n/g, '\n')
    .replace(/^(?:[ \t]*\n)+/, '')
    .replace(/\n+$/, '');
  const defect = formDefect(normal);
  if (defect) return defect;
  const key = `${normal}\n`;

  const encrypted = isEncrypted(key);
  if (encrypted && !passphrase) {
    return refuse(
      'the key is protected by a passphrase and none was given',
      'give the passphrase as well, or make a key without one for this purpose: ssh-keygen -t ed25519 -N "" -f path/to/key',
    );
  }
  const parsed = parse(key, passphrase);
  if (!parsed) {
    return encrypted
      ? refuse(
          'the passphrase does not open the key, or the key is damaged',
          'try it where the key file is: ssh-keygen -y -f path/to/key',
        )
      : refuse('the text has the frame of a key, but its content is damaged or cut short', STORE_AGAIN);
  }
  if (parsed.type === 'ssh-dss') {
    return refuse(
      'the key is a DSA key, which servers no longer accept',
      'make a new one: ssh-keygen -t ed25519 -N "" -f path/to/key',
    );
  }
  const blob = parsed.getPublicSSH();
  return {
    ok: true,
    key,
    type: parsed.type,
    fingerprint: fingerprint(blob),
    publicLine: `${parsed.type} ${blob.toString('base64')}`,
  };
}

/** Looks at the frame and the layout only. Order matters: the most specific description wins. */
function formDefect(text: string): KeyDiagnosis | null {
  const compact = text.trim();
  if (compact === '') return refuse('it is empty', 'is the secret set in this environment? ' + STORE_AGAIN);
  if (
    /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-\S+|sk-\S+) AAAA/.test(compact) ||
    /^-----BEGIN (RSA )?PUBLIC KEY|^---- BEGIN SSH2 PUBLIC/.test(compact)
  ) {
    return refuse(
      'it is a public key; the private one is needed',
      'take the file without .pub: gh secret set SSH_PRIVATE_KEY < path/to/key',
    );
  }
  const begins = [...compact.matchAll(BEGIN)];
  const first = begins[0];
  if (!first) {
    if (decodesToKey(compact)) {
      return refuse(
        'it is the base64 of a key file, not the key file',
        'decode it first: base64 -d < encoded | gh secret set SSH_PRIVATE_KEY',
      );
    }
    if (compact.startsWith('PuTTY-User-Key-File')) {
      return refuse('it is in the format of PuTTY', 'convert it: puttygen key.ppk -O private-openssh -o path/to/key');
    }
    if (/-----END [A-Z0-9 ]*PRIVATE KEY-----/.test(compact))
      return refuse('its first line (-----BEGIN ...) is missing', STORE_AGAIN);
    return refuse('it is not a private key: no line "-----BEGIN ... PRIVATE KEY-----"', STORE_AGAIN);
  }
  if (begins.length > 1) return refuse(`it holds ${begins.length} private keys; exactly one is needed`, STORE_AGAIN);
  if (/\\n/.test(compact)) {
    return refuse(
      'it holds the two characters \\n where line ends should be',
      `turn them into line ends: printf '%b' "$KEY" | gh secret set SSH_PRIVATE_KEY`,
    );
  }
  if (!compact.includes('\n')) {
    if (/\r/.test(compact))
      return refuse(
        'its lines end with a lone carriage return',
        `convert it: tr '\\r' '\\n' < path/to/key | gh secret set SSH_PRIVATE_KEY`,
      );
    return refuse('its line ends were replaced by spaces or removed: it is one single line', STORE_AGAIN);
  }
  const lines = text.split('\n');
  if (lines.some((line) => /^[ \t]+\S/.test(line))) {
    return refuse(
      'its lines are indented',
      "remove the blanks: sed 's/^[[:space:]]*//' path/to/key | gh secret set SSH_PRIVATE_KEY",
    );
  }
  if (lines.some((line) => /\S[ \t]+$/.test(line))) {
    return refuse(
      'its lines end with blanks',
      "remove them: sed 's/[[:space:]]*$//' path/to/key | gh secret set SSH_PRIVATE_KEY",
    );
  }
  if ((first.index ?? 0) > 0) return refuse('there is other text before the line "-----BEGIN ..."', STORE_AGAIN);
  const kind = first[1] ?? '';
  const end = compact.indexOf(`-----END ${kind}-----`);
  if (end < 0) return refuse('it is cut short: its last line (-----END ...) is missing', STORE_AGAIN);
  if (end + `-----END ${kind}-----`.length < compact.length)
    return refuse('there is other text after the line "-----END ..."', STORE_AGAIN);
  if (kind === 'PRIVATE KEY' || kind === 'ENCRYPTED PRIVATE KEY')
    return refuse('it is in the PKCS#8 format, which is not supported', fromPkcs8(compact));
  return null;
}

/** ssh-keygen reads RSA and ECDSA keys in PKCS#8, ed25519 keys only from OpenSSH 9.6 on; an encrypted one does not say which it is. */
function fromPkcs8(text: string): string {
  const anew = 'make a new one: ssh-keygen -t ed25519 -N "" -f path/to/key';
  if (text.includes('ENCRYPTED')) return `${TO_OPENSSH}; where that fails, ${anew}`;
  return text.includes(ED25519_IN_PKCS8) ? `${anew} (ssh-keygen before 9.6 cannot convert it)` : TO_OPENSSH;
}

function decodesToKey(text: string): boolean {
  if (!/^[A-Za-z0-9+/=\s_-]+$/.test(text)) return false;
  return Buffer.from(text.replace(/\s/g, ''), 'base64').toString('latin1').includes('PRIVATE KEY-----');
}

/** PEM says so in a header; the OpenSSH format names its cipher at a fixed place inside. */
function isEncrypted(key: string): boolean {
  if (/^Proc-Type: 4,ENCRYPTED$/m.test(key)) return true;
  const body = key
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-----'))
    .join('');
  const blob = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (blob.subarray(0, magic.length).toString('latin1') !== magic || blob.length < magic.length + 4) return false;
  const length = blob.readUInt32BE(magic.length);
  return blob.subarray(magic.length + 4, magic.length + 4 + length).toString('latin1') !== 'none';
}

/** Parses and signs once, because a key with a damaged body may still parse. ssh2's own messages are dropped: they can quote content. */
function parse(key: string, passphrase: string | undefined): ssh2.ParsedKey | null {
  try {
    const result: unknown = ssh2.utils.parseKey(key, passphrase);
    const parsed = (Array.isArray(result) ? result[0] : result) as ssh2.ParsedKey | Error | undefined;
    if (!parsed || parsed instanceof Error || !parsed.isPrivateKey()) return null;
    const probe = Buffer.from('probe');
    const signature: unknown = parsed.sign(probe);
    return Buffer.isBuffer(signature) && parsed.verify(probe, signature) === true ? parsed : null;
  } catch {
    return null;
  }
}
