import { quote } from './shell.ts';
import { fileTask, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** Names below /opt that are the host's own: the edge's directory, and the one that containerd makes. The launcher knows them too. */
export const RESERVED_APPS: readonly string[] = ['edge', 'containerd'];

/** Refuses, before anything is changed, a directory of the app's name that somebody else made. */
export function appNameTask(app: string): Task {
  const directory = quote(`/opt/${app}`);
  return {
    id: 'app_name',
    reason: "A directory of /opt that belongs to another program is not turned into the app's",
    source: 'docs/several-apps.md',
    show: `ls -A /opt/${app}`,
    // Ours is empty, holds nothing but what provisioning writes, or has been released to.
    check: `[ ! -L ${directory} ] || return 1
[ -e ${directory} ] || return 0
[ -d ${directory} ] || return 1
[ -f ${directory}/ledger.jsonl ] || [ -f ${directory}/lock ] || [ -d ${directory}/runs ] ||
  [ -z "$(ls -A ${directory} | grep -v -x -F -e .env -e policy.json || :)" ]`,
    apply: `echo ${quote(`/opt/${app} is there and is not a directory of this app's releases: move it away or choose another app name`)}
return 1`,
  };
}

/** Which releases the agent takes: from where, and signed by whom. Without signatures the first is all there is to go by. */
export function policyTask({
  app,
  repository,
  signatures = null,
  allowRun = false,
}: Pick<HostPlan, 'app' | 'repository' | 'signatures' | 'allowRun'>): Task[] {
  if (repository === null) return [];
  const path = `/opt/${app}/policy.json`;
  const task = fileTask({
    id: 'policy',
    reason: 'The host takes releases from one repository and by whom it says, whatever the caller names',
    source: 'docs/signatures.md',
    path,
    mode: '644',
    content: `${JSON.stringify({ repository, ...(signatures === null ? {} : { signatures }), ...(allowRun ? { run: true } : {}) })}\n`,
  });
  if (signatures !== null) return [task];
  // Leaving an input out must not open a host that asks for signatures.
  const kept = `if grep -q '"signatures"' ${path} 2>/dev/null; then
  echo ${quote(`${path} asks for signatures and this run names nobody who makes them: set signing-public-key or signing-identity, or remove the file on the server`)}
  return 1
fi
`;
  return [{ ...task, apply: `${kept}${task.apply}` }];
}
