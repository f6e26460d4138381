import { OPERATION_WAIT, OPERATIONS_SHELL } from './operations.ts';
import { quote } from './shell.ts';
import type { Task } from './task.ts';

/** What the rendered script does before the first task and the helpers that tasks use. */
const PRELUDE = String.raw`set -u
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l HOME=/root
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# One run at a time: an earlier one whose runner is gone ends with the task that it is at.
# Files of this run lie in memory, readable by root alone, and go with it.
prepare() {
  exec 9>"$1/delivery.lock"
  if ! flock -w 900 9; then
    echo 'another provisioning run has been at work on this host for 15 minutes' >&2
    exit 75
  fi
  work=$(mktemp -d "$1/delivery.XXXXXX") || exit 70
  trap 'rm -rf "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  exec 3>&1
  exec 4>&2
}

# Text as the inside of a JSON string; lines become clauses.
json() { tr -d '\000-\010\013-\037\177' | tr '\t' ' ' | sed ':a;$!{N;ba};s/\n/; /g;s/\\/\\\\/g;s/"/\\"/g'; }

# What a task wants to tell in its result.
say() { printf '%s\n' "$*" >>"$work/say"; }

# same PATH SHA256 MODE OWNER: is the file as it should be?
same() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c '%a %U:%G' "$1")" = "$3 $4" ] && [ "$(sha256sum <"$1" | cut -c1-64)" = "$2" ]
}

# put PATH MODE OWNER: writes standard input to the file in one step, with its mode from the start.
put() {
  fresh=$(mktemp "$(dirname "$1")/.delivery.XXXXXX")
  cat >"$fresh"
  chown "$3" "$fresh"
  chmod "$2" "$fresh"
  mv -f "$fresh" "$1"
}

# directory PATH MODE OWNER
is_directory() { [ -d "$1" ] && [ ! -L "$1" ] && [ "$(stat -c '%a %U:%G' "$1")" = "$2 $3" ]; }
directory() { mkdir -p "$1"; chown "$3" "$1"; chmod "$2" "$1"; }

# until_true SECONDS COMMAND...
until_true() {
  tries=$(( $1 * 5 )); shift
  while [ "$tries" -gt 0 ]; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    tries=$(( tries - 1 ))
    sleep 0.2
  done
  "$@"
}

# Milliseconds since the machine started, in the variable now: a program for each look at the clock would cost more than many a check.
clock() { IFS='. ' read -r seconds hundredths _ </proc/uptime; now="$seconds$hundredths"0; }

# report ID STATUS MS, with what the task said
report() {
  message=
  if [ -s "$work/say" ]; then message=$(json <"$work/say"); fi
  printf '{"task":"%s","status":"%s","ms":%s,"message":"%s"}\n' "$1" "$2" "$3" "$message" >&3
}

# foresee ID...: asks all checks at once, each with a directory of its own. What was right then is not asked again before the first change.
foresee() {
  mkdir "$work/foreseen"
  for id in "$@"; do
    (
      work=$work/foreseen/$id
      mkdir "$work"
      : >"$work/say"
      clock; began=$now
      ( "check_$id" ) >"$work/out" 2>&1
      code=$?
      clock
      printf '%s %s\n' "$code" "$(( now - began ))" >"$work/code"
    ) &
  done
  wait
  foreseen=yes
}

# task ID: check; where that fails, say so or apply and check again, by the mode. Check ends with 77 where the task does not apply to this host.
# A check that fails is asked once more: Docker and the firewall give a wrong answer now and then while somebody else changes them.
task() {
  clock; started=$now
  attempts='1 2'
  if [ "$foreseen" = yes ] && read -r code ms <"$work/foreseen/$1/code"; then
    : >"$work/say"
    if [ -s "$work/foreseen/$1/say" ]; then cat "$work/foreseen/$1/say" >"$work/say"; fi
    case $code in
      0) report "$1" ok "$ms"; return 0 ;;
      77) report "$1" skipped "$ms"; return 0 ;;
    esac
    attempts=2
  fi
  for attempt in $attempts; do
    : >"$work/say"
    ( "check_$1" ) >"$work/out" 2>&1
    code=$?
    clock
    case $code in
      0) report "$1" ok "$(( now - started ))"; return 0 ;;
      77) report "$1" skipped "$(( now - started ))"; return 0 ;;
    esac
  done
  grep -v '^[[:space:]]*$' "$work/out" | tail -n 1 | cut -c1-200 >"$work/found"
  if [ "$mode" = inspect ]; then
    cat "$work/found" >>"$work/say"
    report "$1" drift "$(( now - started ))"
    return 0
  fi
  : >"$work/say"
  foreseen=no
  ( set -e; "apply_$1" ) >"$work/out" 2>&1
  code=$?
  if [ "$code" -eq 0 ]; then
    ( "check_$1" ) >>"$work/out" 2>&1
    code=$?
    if [ "$code" -eq 0 ] || [ "$code" -eq 77 ]; then
      [ ! -s "$work/found" ] || say "was: $(cat "$work/found")"
      clock
      report "$1" changed "$(( now - started ))"
      return 0
    fi
    printf 'applied, but the check still fails\n' >>"$work/out"
  fi
  grep -v '^[[:space:]]*$' "$work/out" | tail -n 6 | cut -c1-300 >>"$work/say"
  clock
  report "$1" failed "$(( now - started ))"
  exit 1
}

# proof NAME VALUE: one line of output for what the host says about itself after the last task; the value keeps its lines.
proof() {
  printf '{"proof":"%s","value":"%s"}\n' "$1" "$(printf '%s' "$2" | tr -d '\000-\010\013-\037\177' | tr '\t' ' ' | sed ':a;$!{N;ba};s/\\/\\\\/g;s/"/\\"/g;s/\n/\\n/g')" >&3
}
`;

/**
 * Renders tasks to one script for `sh -s`. It prints one JSON line per task,
 * `{"task","status":"ok|changed|skipped|drift|failed","ms","message"}`, stops at the first failure with exit code 1, and ends with lines
 * `{"proof","value"}` from `proofs`. The whole text is read before its first command runs, so that no command can swallow the rest of it
 * and a connection that breaks while it is sent changes nothing. Secrets may be in it: it goes over stdin and nowhere else.
 * `mode: inspect` runs the checks alone: what is not as it should be is reported as `drift` and nothing is changed; so are deferred tasks always.
 */
export function renderScript(
  tasks: readonly Task[],
  proofs: string,
  { mode = 'apply', memory = '/run', operationWait = OPERATION_WAIT }: ScriptOptions = {},
): string {
  const functions = tasks.map(
    ({ id, reason, check, apply }) =>
      `# ${reason}\ncheck_${id}() {\n${check.trim()}\n}\napply_${id}() {\n${apply.trim()}\n}\n`,
  );
  const main = [
    'main() {',
    `mode=${mode}`,
    `operation_wait=${String(operationWait)}`,
    `prepare ${quote(memory)}`,
    `foresee ${tasks.map(({ id }) => id).join(' ')}`,
    ...tasks.map(({ id, deferred }) => (deferred ? `mode=inspect; task ${id}; mode=${mode}` : `task ${id}`)),
    'proofs',
    'exit 0',
    '}',
    'main </dev/null',
    '',
  ];
  return [PRELUDE, OPERATIONS_SHELL, ...functions, `proofs() {\n${proofs.trim()}\n}\n`, main.join('\n')].join('\n');
}

export type ScriptMode = 'apply' | 'inspect';

export interface ScriptOptions {
  mode?: ScriptMode;
  /** A directory for files of the run; a tmpfs on every supported system. */
  memory?: string;
  /** Seconds that a task waits for operations of the apps. */
  operationWait?: number;
}

/** A line of the script's output. */
export type ScriptLine =
  | { kind: 'task'; id: string; status: TaskStatus; ms: number; message: string }
  | { kind: 'proof'; name: string; value: string };
export type TaskStatus = 'ok' | 'changed' | 'skipped' | 'drift' | 'failed';

const STATUSES: readonly string[] = ['ok', 'changed', 'skipped', 'drift', 'failed'];

/** Reads one line of the script's output; null for anything else, such as a login banner. */
export function parseLine(line: string): ScriptLine | null {
  if (!line.startsWith('{')) return null;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { task, status, ms, message, proof } = value;
  if (typeof task === 'string' && typeof status === 'string' && STATUSES.includes(status)) {
    return {
      kind: 'task',
      id: task,
      status: status as TaskStatus,
      ms: Number(ms) || 0,
      message: typeof message === 'string' ? message : '',
    };
  }
  if (typeof proof === 'string')
    return { kind: 'proof', name: proof, value: typeof value['value'] === 'string' ? value['value'] : '' };
  return null;
}
