import type { HostPlan } from './tasks.ts';

/** Shell that reads back from the host what the tasks have set: what it runs and enforces, not what its files say. */
export function hostProofs(plan: HostPlan): string {
  const modes = ['/opt/edge/bin/release', '/opt/edge/certs', `/opt/${plan.app}`, `/opt/${plan.app}/.env`];
  return `proof docker "$(docker version --format '{{.Server.Version}}'), compose $(docker compose version --short), live-restore $(docker info --format '{{.LiveRestoreEnabled}}')"
proof edge "$(docker inspect --format '{{.Config.Image}} {{.State.Status}}' edge), $(docker exec edge traefik healthcheck 2>&1 | tail -n 1)"
proof agent "$(cat /opt/edge/agent)"
proof deploy-key "$(stat -c '%a %U' "$(getent passwd '${plan.deployUser}' | cut -d: -f6)/.ssh/authorized_keys"), $(grep -c . "$(getent passwd '${plan.deployUser}' | cut -d: -f6)/.ssh/authorized_keys") key(s), $(id -nG '${plan.deployUser}')"
proof files "$(stat -c '%n %a %U:%G' ${modes.join(' ')} | tr '\\n' ';')"
proof sshd "$(/usr/sbin/sshd -T | grep -E '^(passwordauthentication|kbdinteractiveauthentication|permitrootlogin|x11forwarding) ' | tr '\\n' ';')"
proof firewall "$(ufw status | awk '/^Status|ALLOW|LIMIT/' | tr -s ' ' | tr '\\n' ';')"
proof fail2ban "$(fail2ban-client status sshd | sed -n 's/.*Currently banned:[^0-9]*/banned now: /p')"
proof end done`;
}
