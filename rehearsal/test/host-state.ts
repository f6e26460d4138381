import { must } from './process.ts';

/** What provisioning makes of a host, as lines that can be compared with another host's. */
const SCRIPT = String.raw`export LC_ALL=C
for place in /etc/ssh/sshd_config.d /etc/ufw /etc/default/ufw /etc/fail2ban /etc/docker /etc/systemd/system /etc/systemd/journald.conf.d \
  /etc/apt/apt.conf.d /etc/apt/sources.list.d /etc/apt/keyrings /etc/sysctl.d /etc/sudoers.d /opt /root/.ssh /home /etc/security; do
  find "$place" -printf 'file %p %y %m %u:%g %l\n' 2>/dev/null
  find "$place" -type f -exec sha256sum {} + 2>/dev/null | sed 's/^/content /'
done | grep -v -E ' /opt/containerd'
getent passwd | sed 's/^/user /'
getent group | sed 's/^/group /'
awk -F: '{ print "password", $1, substr($2, 1, 1) }' /etc/shadow
/usr/sbin/sshd -T | sed 's/^/sshd /'
for table in iptables ip6tables; do $table -S | sed "s/^/$table /; s/br-[0-9a-f]\{12\}/br-NETWORK/g"; done
ufw status verbose | sed 's/^/ufw /'
systemctl list-unit-files --state=enabled --no-legend --plain | awk '{ print "unit", $1, $2 }'
dpkg -l | awk '/^[a-z][a-z] / { print "package", $1, $2, $3 }'
docker info --format 'docker {{.ServerVersion}} {{.LiveRestoreEnabled}} {{.LoggingDriver}}'
docker ps --all --format 'container {{.Names}} {{.Image}} {{.State}} {{.Ports}}'
docker network ls --format 'network {{.Name}} {{.Driver}}'
docker image ls --all --no-trunc --format 'image {{.Repository}}:{{.Tag}} {{.ID}}'
fail2ban-client status | sed 's/^/fail2ban /'`;

/** Reads the state of a test host, sorted. */
export async function hostState(container: string): Promise<string[]> {
  const text = await must('docker', ['exec', '-i', container, 'sh', '-s'], { input: SCRIPT });
  return [...new Set(text.split('\n').filter((line) => line !== ''))].sort();
}

/** Lines of one host that the other has not, with the sign of the side that they are on. */
export function differences(first: readonly string[], second: readonly string[]): string[] {
  const [left, right] = [new Set(first), new Set(second)];
  return [
    ...first.filter((line) => !right.has(line)).map((line) => `< ${line}`),
    ...second.filter((line) => !left.has(line)).map((line) => `> ${line}`),
  ];
}
