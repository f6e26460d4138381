import { randomBytes } from 'node:crypto';
import { parseEnvelope } from '@delivery/release';
import type { Envelope } from '@delivery/release';

/** The envelope of a call; a rollback or `backing` from a shell on the host needs none. Throws ContractError `envelope`. */
export function envelopeFor(verb: string, text: string, actor: string): Envelope {
  if ((verb === 'rollback' || verb === 'backing') && text.trim() === '') {
    const operation = `host-${new Date().toISOString().replace(/[-:.]/g, '')}-${randomBytes(3).toString('hex')}`;
    return parseEnvelope(JSON.stringify({ format: 1, operation, actor }));
  }
  return parseEnvelope(text);
}
