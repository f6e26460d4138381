import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clockTask } from '../clock.ts';
import { journalTask } from '../journal.ts';
import { kernelTask, SYSCTL, sysctlConfig } from '../kernel.ts';
import { swapTask } from '../swap.ts';
import type { Task } from '../task.ts';
import { upgradesConfig, upgradeTasks } from '../upgrades.ts';
import { FakeHost } from './fake-host.ts';

const SMALL = { container: false, memoryKiB: 2_000_000 };
let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.remove());

describe('swap', () => {
  const places = (): { file: string; fstab: string } => ({
    file: join(host.root, 'swapfile'),
    fstab: join(host.root, 'fstab'),
  });
  const swap = (plan = SMALL): string[] => host.run([swapTask(plan, places())], []);
  /** A machine on which `active` is swapped to; swapon makes a file active. */
  function machine(active = '', { freeMiB = 30_000, filesystem = 'ext2/ext3' } = {}): void {
    host.write('active', active);
    host.write('fstab', '/dev/sda1 / ext4 defaults 0 1\n');
    host.program('swapon', `case $1 in --show*) cat ${host.root}/active ;; *) echo "$1" >>${host.root}/active ;; esac`);
    host.program('mkswap');
    host.program('fallocate', 'echo pages >>"$3"');
    host.program('dd', 'echo pages >>"${2#of=}"');
    host.program('df', `echo; echo x x x ${String(freeMiB)} x`);
    // The real one for modes; the kind of file system is made up.
    host.program('stat', `[ "$1" = -f ] && echo ${filesystem} || exec /usr/bin/stat "$@"`);
  }
  const changes = (): string[] => host.calls().filter((call) => /^(mkswap|fallocate|dd|swapon [^-])/.test(call));

  it('is made once on a small host: for root alone, on at once, and after a reboot', () => {
    machine();
    expect(swap()).toEqual(['swap changed 2048 MiB; was: no swap']);
    expect(changes().map((call) => call.split(' ')[0])).toEqual(['fallocate', 'mkswap', 'swapon']);
    expect(statSync(places().file).mode & 0o777).toBe(0o600);
    expect(host.read('fstab')).toBe(`/dev/sda1 / ext4 defaults 0 1\n${places().file} none swap sw 0 0\n`);
    expect(swap()).toEqual(['swap ok']);
    expect(changes()).toEqual([]);
  });

  it('is put right where it is readable or gone after a reboot, without being made again', () => {
    machine(`${join(host.root, 'swapfile')}\n`);
    host.write('swapfile', 'pages', 0o644);
    expect(swap()[0]).toMatch(/^swap changed .*is not for root alone$/);
    host.write('fstab', '/dev/sda1 / ext4 defaults 0 1\n');
    expect(swap()[0]).toMatch(/^swap changed .*gone after a reboot$/);
    expect(changes()).toEqual([]);
    expect(host.read('fstab')).toContain('swapfile none swap');
  });

  it('is written in full where an allocated file could have holes, and begun anew where a run was cut off', () => {
    machine('', { filesystem: 'btrfs' });
    host.write('swapfile', 'half of an earlier run');
    expect(swap()[0]).toMatch(/^swap changed/);
    expect(changes()[0]).toMatch(/^dd if=\/dev\/zero .* bs=1M count=2048/);
    expect(host.read('swapfile')).toBe('pages\n');
  });

  it('is not made where the disk has too little room, and says so', () => {
    machine('', { freeMiB: 5000 });
    expect(swap()).toEqual(['swap failed 5000 MiB of disk are free; 2048 for swap and 4096 beside it are needed']);
    expect(changes()).toEqual([]);
  });

  it('is not touched in a container', () => {
    machine();
    expect(swap({ ...SMALL, container: true })).toEqual(['swap skipped shared kernel, not applied']);
    expect(host.calls()).toEqual([]);
  });

  it.each([
    ['with enough memory', { ...SMALL, memoryKiB: 4_000_000 }, '', 'swap skipped 3906 MiB of memory: not needed'],
    ["with the owner's own", SMALL, '/dev/sda2\n', 'swap ok'],
  ])('is left alone on a host %s', (_what, plan, active, line) => {
    machine(active);
    expect(swap(plan)).toEqual([line]);
    expect(changes()).toEqual([]);
  });
});

describe('settings of the kernel', () => {
  /** Every setting as a file, at what it should be, for two interfaces. */
  function kernel(changes: Record<string, string> = {}): void {
    for (const { name, value } of SYSCTL)
      for (const each of ['all', 'default', 'eth0.5'].map((which) => name.replaceAll('.', '/').replace('*', which)))
        host.write(`proc/sys/${each}`, `${changes[each] ?? value}\n`);
    host.program('systemd-sysctl');
  }
  const task = (container = false): Task => {
    const { apply, ...rest } = kernelTask({ container }, join(host.root, 'proc/sys'));
    return { ...rest, apply: apply.replace('/usr/lib/systemd/systemd-sysctl', 'systemd-sysctl') };
  };
  const PATH = '/etc/sysctl.d/60-delivery.conf';
  const run = (container = false): string[] => {
    host.write('etc/sysctl.d/other.conf', '');
    return host.run([task(container)], [PATH]);
  };

  it('are written for the next start and set by the program of systemd', () => {
    kernel();
    expect(run()).toEqual(['kernel changed']);
    expect(host.read(PATH)).toBe(sysctlConfig());
    expect(host.calls()).toEqual([`systemd-sysctl ${host.root}${PATH}`]);
    expect(run()).toEqual(['kernel ok']);
  });

  it('are found at another value, of each interface', () => {
    kernel();
    run();
    for (const [file, value] of [
      ['net/ipv4/tcp_syncookies', '0'],
      ['net/ipv4/conf/eth0.5/send_redirects', '1'],
      ['net/ipv6/conf/all/accept_redirects', '1'],
      ['kernel/kptr_restrict', '0'],
    ] as const) {
      kernel({ [file]: value });
      expect(run()[0]).toContain(`${file} is ${value}`);
    }
  });

  it('may be stricter, and may be missing from the kernel', () => {
    kernel({ 'kernel/kptr_restrict': '2', 'kernel/unprivileged_bpf_disabled': '1' });
    run();
    spawnSync('rm', ['-r', join(host.root, 'proc/sys/kernel/yama'), join(host.root, 'proc/sys/net/ipv6')]);
    expect(run()).toEqual(['kernel ok']);
  });

  it("are not touched in a container: they are its machine's", () => {
    kernel({ 'net/ipv4/tcp_syncookies': '0' });
    expect(run(true)).toEqual(['kernel skipped shared kernel, not applied']);
    expect(host.calls()).toEqual([]);
  });

  it('name all and default beside each interface, which files of the distribution take out of the star', () => {
    for (const which of ['all', 'default', '*'])
      expect(sysctlConfig()).toContain(`-net.ipv4.conf.${which}.send_redirects = 0\n`);
    // Docker forwards.
    expect(sysctlConfig()).not.toContain('forward');
  });
});

describe('upgrades that nobody watches', () => {
  const PATH = '/etc/apt/apt.conf.d/52delivery';
  /** apt reads every file of its directory; the last one wins. */
  function apt(): void {
    host.program(
      'apt-config',
      `cat ${host.root}/etc/apt/apt.conf.d/* | grep -v '^#' | awk '{ last[$1] = $0 } END { for (name in last) print last[name] }'`,
    );
    host.write('etc/apt/apt.conf.d/50unattended-upgrades', 'Unattended-Upgrade::Automatic-Reboot "true";\n');
  }
  const settings = (): string[] => host.run(upgradeTasks({ os: 'debian', container: false }).slice(0, 1), [PATH]);

  it('take security fixes of the distribution alone, and never reboot or remove', () => {
    apt();
    expect(settings()).toEqual(['upgrades changed']);
    expect(settings()).toEqual(['upgrades ok']);
    const debian = upgradesConfig('debian');
    expect(debian.match(/origin=.*/g)).toEqual([
      'origin=Debian,codename=${distro_codename}-security,label=Debian-Security";',
    ]);
    expect(debian).toContain('#clear Unattended-Upgrade::Origins-Pattern;');
    expect(debian).toContain('Unattended-Upgrade::Automatic-Reboot "false";');
    expect(debian).toContain('Unattended-Upgrade::Remove-Unused-Dependencies "false";');
    expect(upgradesConfig('ubuntu')).toContain('origin=Ubuntu,archive=${distro_codename}-security,label=Ubuntu');
    for (const os of ['debian', 'ubuntu'] as const) expect(upgradesConfig(os)).not.toMatch(/docker/i);
  });

  it('are not taken for right where a later file of apt says otherwise', () => {
    apt();
    settings();
    host.write('etc/apt/apt.conf.d/99local', 'Unattended-Upgrade::Automatic-Reboot "true";\n');
    expect(settings()[0]).toContain(
      'another file of apt\'s configuration wins: Unattended-Upgrade::Automatic-Reboot "true"',
    );
  });

  it('are started by timers that are on, except in a container that has them masked', () => {
    const timers = (container: boolean): string[] => host.run(upgradeTasks({ os: 'debian', container }).slice(1), []);
    host.write('state', 'masked');
    host.program(
      'systemctl',
      `case $1 in
  is-enabled) shift; for each in "$@"; do cat ${host.root}/state; echo; done ;;
  is-active) echo active; echo active ;;
  *enable) printf enabled >${host.root}/state ;;
  -q) [ "$2" != enable ] || printf enabled >${host.root}/state ;;
esac`,
    );
    expect(timers(true)).toEqual(['upgrades_timers skipped masked in this container, left so']);
    expect(timers(false)).toEqual(['upgrades_timers changed']);
    expect(timers(false)).toEqual(['upgrades_timers ok']);
  });
});

describe('the journal', () => {
  it('is capped, which no other file may undo', () => {
    const PATHS = ['/etc/systemd/journald.conf.d'];
    host.program('systemctl');
    host.program('systemd-analyze', `cat ${host.root}/etc/systemd/journald.conf.d/*`);
    const run = (): string[] => host.run([journalTask()], PATHS);
    expect(run()).toEqual(['journal changed']);
    expect(host.calls()).toContain('systemctl restart systemd-journald');
    expect(run()).toEqual(['journal ok']);
    host.write('etc/systemd/journald.conf.d/99-local.conf', 'SystemMaxUse=9G\n');
    expect(run()[0]).toMatch(/^journal failed .*another file of journald's configuration wins: SystemMaxUse=9G/);
  });
});

describe('the clock', () => {
  const run = (active: string): string[] => {
    host.write('active', `inactive\n${active}\n`);
    host.program(
      'systemctl',
      `case $* in
  is-active*) cat ${host.root}/active ;;
  *enable*) echo active >${host.root}/active ;;
esac`,
    );
    return host.run([clockTask({ container: false })], []);
  };

  it('is kept by what is there already, or by systemd', () => {
    expect(run('active')).toEqual(['clock ok']);
    expect(host.calls()).toHaveLength(1);
    expect(run('inactive')).toEqual(['clock changed systemd-timesyncd; was: nothing keeps the clock']);
    expect(host.calls()).toContain('systemctl -q enable --now systemd-timesyncd');
  });

  it("is its machine's in a container", () => {
    expect(host.run([clockTask({ container: true })], [])).toEqual(['clock skipped shared kernel, not applied']);
  });
});
