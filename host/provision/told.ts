/** Reads lines `name=<base64>`, as scripts on the host print what they found. Other lines (a banner, say) are skipped. */
export function readTold(lines: Iterable<string>): Map<string, string> {
  const told = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ''] = /^([a-z0-9_]+)=([A-Za-z0-9+/=]*)$/.exec(line) ?? [];
    if (name !== undefined) told.set(name, Buffer.from(value, 'base64').toString('utf8').trim());
  }
  return told;
}
