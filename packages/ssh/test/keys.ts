import ssh2 from 'ssh2';

export interface KeyPair {
  private: string;
  public: string;
}

/**
 * A new key pair in the OpenSSH format. About one in five hundred ed25519 keys that ssh2 makes (not those of ssh-keygen) is malformed and
 * is refused by ssh2's own parser: those are thrown away.
 */
export function makeKey(type: 'ed25519' | 'rsa' | 'ecdsa', options: Record<string, unknown> = {}): KeyPair {
  const make = ssh2.utils.generateKeyPairSync as (type: string, options: Record<string, unknown>) => KeyPair;
  for (;;) {
    const pair = make(type, options);
    const parsed = ssh2.utils.parseKey(pair.private, options['passphrase'] as string | undefined);
    if (!(parsed instanceof Error)) return pair;
  }
}
