import type { Task } from './task.ts';
import type { HostPlan } from './tasks.ts';

/** Up to this much memory a host gets swap: two colours run at once during a switch. */
export const SWAP_BELOW_KIB = 2.5 * 1024 * 1024;
const SIZE_MIB = 2048;
/** What must stay free of the disk beside the swap file. */
const RESERVE_MIB = 4096;

/** Where swap is set up; other places are for tests. */
export interface SwapPlaces {
  file: string;
  fstab: string;
}

/** Swap for a small host that has none. Any that is there already is the owner's choice and stays. */
export function swapTask(
  { container, memoryKiB }: Pick<HostPlan, 'container' | 'memoryKiB'>,
  { file, fstab }: SwapPlaces = { file: '/swapfile', fstab: '/etc/fstab' },
): Task {
  const about = {
    id: 'swap',
    reason:
      'On 2 GB of memory a switch with two colours at once may need more for a moment; swap makes that slow where it would be the end of a process',
    source: 'swapon(8); docs.docker.com/engine/containers/resource_constraints',
    show: 'swapon --show; free -m',
  };
  const not = (why: string): Task => ({ ...about, check: `say '${why}'\nreturn 77`, apply: 'true' });
  if (container) return not('shared kernel, not applied');
  if (memoryKiB > SWAP_BELOW_KIB) return not(`${Math.round(memoryKiB / 1024)} MiB of memory: not needed`);
  return {
    ...about,
    check: `active=$(swapon --show=NAME --noheadings) || return 1
[ -n "$active" ] || { echo 'no swap'; return 1; }
printf '%s\\n' "$active" | grep -qxF ${file} || return 0
[ "$(stat -c %a ${file})" = 600 ] || { echo '${file} is not for root alone'; return 1; }
grep -Eq '^${file}[[:space:]]+none[[:space:]]+swap[[:space:]]' ${fstab} || { echo 'the swap is gone after a reboot'; return 1; }`,
    apply: `if ! swapon --show=NAME --noheadings | grep -qxF ${file}; then
  # What an earlier run left half done is not counted as taken.
  rm -f ${file}
  free=$(df -Pm "$(dirname ${file})" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge ${SIZE_MIB + RESERVE_MIB} ] || { echo "$free MiB of disk are free; ${SIZE_MIB} for swap and ${RESERVE_MIB} beside it are needed"; return 1; }
  ( umask 077; : >${file} )
  case $(stat -f -c %T "$(dirname ${file})") in
    # Elsewhere an allocated file may have holes, which the kernel does not swap to.
    ext2/ext3 | xfs) fallocate -l ${SIZE_MIB}M ${file} ;;
    *) dd if=/dev/zero of=${file} bs=1M count=${SIZE_MIB} status=none ;;
  esac
  mkswap ${file} >/dev/null
  swapon ${file}
fi
chmod 600 ${file}
grep -Eq '^${file}[[:space:]]+none[[:space:]]+swap[[:space:]]' ${fstab} || printf '%s none swap sw 0 0\\n' ${file} >>${fstab}
say '${SIZE_MIB} MiB'`,
  };
}
