/** Options for every call of apt: wait for another one, and ask a mirror that does not answer only so often. */
const APT =
  '-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::Languages=none -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30';

/** Shell that prints `installed <name>` for each package that is installed; names follow. */
export const PACKAGE_STATES = "dpkg-query -W -f '${db:Status-Status} ${Package}\\n'";

/**
 * Shell functions for tasks that install packages, each with names as arguments: `lacking` prints those that are not installed,
 * `install_packages` waits for whoever else is installing and then does it.
 */
export const APT_SHELL = `lacking() {
  have=" $(${PACKAGE_STATES} "$@" 2>/dev/null | sed -n 's/^installed //p' | tr '\\n' ' ')"
  for package in "$@"; do
    case $have in *" $package "*) ;; *) printf '%s ' "$package" ;; esac
  done
}
install_packages() {
  if command -v cloud-init >/dev/null 2>&1; then timeout 300 cloud-init status --wait >/dev/null 2>&1 || true; fi
  # An installation that was cut off leaves packages half configured; one that runs still holds the lock.
  tries=0
  until dpkg --configure -a >"$work/dpkg" 2>&1; do
    if [ "$tries" -ge 300 ] || ! grep -q ' lock ' "$work/dpkg"; then cat "$work/dpkg"; return 1; fi
    tries=$(( tries + 1 ))
    sleep 1
  done
  # A source that is of no use here may be broken: what counts is whether the packages come.
  apt-get ${APT} update >"$work/update" 2>&1 || :
  apt-get ${APT} -o Dpkg::Options::=--force-confold install --no-install-recommends "$@" || {
    grep -E '^(Err|E|W):' "$work/update" | tail -n 3
    return 1
  }
}`;
