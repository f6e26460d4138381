import { pulling, pullTask } from './pull.ts';
import { quote } from './shell.ts';
import { fileTask, type Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** Label of the agent's image with its version; an agent from before it cannot judge its successor. */
const VERSION_LABEL = 'delivery.agent.version';

/** The tag beside an image that its signature lies under, as packages/trust names it. */
export function signatureOf(image: string): string {
  const [repository = '', digest = ''] = image.split('@');
  return `${repository}:${digest.replace(':', '-')}.sigstore.json`;
}

/**
 * The program that drives releases, by digest. The one that is replaced has the last word: it verifies who signed the new one, where the
 * app's policy asks for signatures, and takes no older one. The first agent of a host is the admin's choice alone.
 */
export function agentTasks(plan: Pick<HostPlan, 'app' | 'agentImage' | 'registry'>): Task[] {
  const { app, agentImage } = plan;
  const file = fileTask({
    id: 'agent',
    reason: 'The launcher starts this agent and no other; the one before it judges its successor',
    source: 'docs/signatures.md',
    path: '/opt/edge/agent',
    mode: '644',
    content: `${agentImage}\n`,
  });
  const signature = signatureOf(agentImage);
  const judged = `old=$(cat /opt/edge/agent 2>/dev/null || :)
version=
if [ -n "$old" ] && [ "$old" != ${quote(agentImage)} ]; then
  version=$(docker image inspect --format '{{index .Config.Labels "${VERSION_LABEL}"}}' "$old" 2>/dev/null || :)
fi
if [ -n "$version" ]; then
  if grep -q '"signatures"' /opt/${app}/policy.json 2>/dev/null; then
${pulling(plan, signature)}
    [ "$code" -eq 0 ] || echo 'the signature of the new agent could not be pulled'
  fi
  docker run --rm --network none --read-only --tmpfs /tmp:rw,nosuid,nodev,size=64m --cap-drop ALL --cap-add DAC_OVERRIDE \\
    --security-opt no-new-privileges --pull never --log-driver none --volume /var/run/docker.sock:/var/run/docker.sock \\
    --volume /opt/${app}:/opt/${app}:ro "$old" successor ${app} ${quote(agentImage)} ||
    { echo "agent $version, which is on this host, does not accept its successor; it stays"; return 1; }
fi
`;
  return [
    pullTask(plan, 'agent_image', 'The agent is there by digest before the first deploy', agentImage),
    { ...file, apply: `${judged}${file.apply}` },
  ];
}
