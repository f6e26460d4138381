/** Caps for container logs: without them one chatty container fills the disk. */
const LOG_CAPS = { 'max-size': '10m', 'max-file': '3' };

/** Log drivers of Docker that take max-size and max-file. */
const CAPPED_DRIVERS = ['json-file', 'local'];

/**
 * Merges what this project needs into Docker's daemon.json; every key that is there stays as it is.
 * - `live-restore`: containers go on while the daemon restarts (security updates do not take the site down)
 * - log caps, unless another log driver was chosen on purpose
 * @param existing content of the file, or null when there is none
 * @returns the text to write, or null when the file says all of it already
 * @throws Error when the file is not a JSON object
 */
export function mergeDaemonConfig(existing: string | null): string | null {
  const config = existing === null || existing.trim() === '' ? {} : readObject(existing);
  const merged: Record<string, unknown> = { ...config };
  merged['live-restore'] = true;
  const driver = config['log-driver'] ?? 'json-file';
  if (typeof driver === 'string' && CAPPED_DRIVERS.includes(driver)) {
    merged['log-driver'] = driver;
    const options = config['log-opts'];
    // Keys that are there keep their place, so that an unchanged file compares equal.
    const kept = isObject(options) ? options : {};
    merged['log-opts'] = {
      ...kept,
      ...Object.fromEntries(Object.entries(LOG_CAPS).filter(([name]) => !(name in kept))),
    };
  }
  return JSON.stringify(merged) === JSON.stringify(config) ? null : `${JSON.stringify(merged, null, 2)}\n`;
}

function readObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('/etc/docker/daemon.json is there and is not valid JSON: repair or remove it first');
  }
  if (!isObject(value))
    throw new Error('/etc/docker/daemon.json is there and is not a JSON object: repair or remove it first');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
