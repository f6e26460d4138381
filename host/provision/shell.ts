import { createHash } from 'node:crypto';

/** Quotes any text for POSIX sh: nothing inside is expanded. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The SHA-256 of a text as sha256sum prints it. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A here-document that decodes to exactly `content`. Base64 keeps every byte and cannot end the document early. */
export function decoded(content: string): string {
  const lines = Buffer.from(content, 'utf8')
    .toString('base64')
    .replace(/.{1,100}/g, '$&\n');
  return `base64 -d <<'BASE64'\n${lines}BASE64\n`;
}
