import type { ExecResult, SessionOptions } from '@delivery/ssh';
import { redact } from '../mask.ts';

/** The host ended a call without a result. */
export class Refusal extends Error {}

/** Why a call ended without a result, in one line that says what to do. */
export function refusal({ host, port, user }: SessionOptions, command: string, end: ExecResult): Refusal {
  const where = `${host}:${port}`;
  const verb = command.split(' ')[0] ?? command;
  const said = lastLine(end.stderrTail);
  const quoted = said === '' ? '' : ` (it said: ${said})`;
  const prepare = 'Prepare the host with the action provision-vps';
  if (end.code === 127 || end.code === 126) {
    return new Refusal(
      `The host ${where} is not prepared: "${user}" has no launcher that understands "${verb}"${quoted}. ${prepare}, and use the deploy key that it was given`,
    );
  }
  if (end.code === 125) return new Refusal(`The host ${where} could not start its agent${quoted}. ${prepare} again`);
  if (end.code === 64) return new Refusal(`The host ${where} refused the call "${verb}"${quoted}`);
  const how = end.code === null ? `was ended by signal ${end.signal ?? 'unknown'}` : `ended with exit code ${end.code}`;
  return new Refusal(`"${verb}" on ${where} ${how} without a result${quoted}`);
}

function lastLine(text: string): string {
  const line =
    redact(text)
      .split('\n')
      .map((each) => each.replace(/\p{Cc}/gu, ' ').trim())
      .findLast((each) => each !== '') ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
