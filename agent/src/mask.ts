/** Shortest value that is masked: shorter ones (a "1", an "on") would blot out half of every line and are guessable anyway. */
const SHORTEST = 4;

/**
 * A function that replaces every secret value in a text by `***`, also where it was transformed on the way: base64 (with and without
 * padding), URL-encoded, JSON-escaped, or single lines of a multi-line value.
 */
export function masker(values: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const value of values) {
    for (const part of [value, ...value.split(/\r?\n/)]) {
      if (part.trim().length < SHORTEST) continue;
      const base64 = Buffer.from(part).toString('base64');
      for (const form of [
        part,
        part.trim(),
        base64,
        base64.replace(/=+$/, ''),
        Buffer.from(part).toString('base64url'),
        encodeURIComponent(part),
        JSON.stringify(part).slice(1, -1),
      ]) {
        forms.add(form);
      }
    }
  }
  // Longest first, so that a value that contains another one is replaced whole.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, '***'), text);
}
