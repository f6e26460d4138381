/** How long a task waits for operations of the apps before it gives up, in seconds; a deploy with its drain is shorter as a rule. */
export const OPERATION_WAIT = 300;

/**
 * Shell functions for tasks that take Docker or the edge from under running operations. `hold_operations /opt` waits until no app of the
 * host is being deployed or rolled back, and keeps them all from beginning until the task is over; it ends with an error that names who
 * is still at work after `$operation_wait` seconds.
 *
 * The locks are the agent's: util-linux `flock` on /opt/<app>/lock, so that one whose holder died is free. They are taken all or none:
 * who waits for one app holds up no other. A process holds them that ends with this shell, however that ends; nothing is written.
 */
export const OPERATIONS_SHELL = String.raw`# locks DIRECTORY: the locks of all apps that were ever deployed, a line each
locks() {
  for lock in "$1"/*/lock; do
    app=$(dirname "$lock")
    if [ -f "$lock" ] && [ -f "$app/.env" ] && [ "$(basename "$app")" != edge ]; then printf '%s\n' "$lock"; fi
  done
}

# under_way DIRECTORY: who holds a lock, by the note beside it
under_way() {
  locks "$1" | while IFS= read -r lock; do
    if flock --nonblock --shared "$lock" true; then continue; fi
    note=$(cat "$(dirname "$lock")/owner.json" 2>/dev/null || :)
    if [ -z "$note" ]; then printf '%s: an operation that has left no note; ' "$(basename "$(dirname "$lock")")"; continue; fi
    of() { printf '%s' "$note" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
    printf '%s: %s %s by %s, since %s; ' "$(basename "$(dirname "$lock")")" "$(of verb)" "$(of operation)" "$(of actor)" "$(of startedAt)"
  done
}

# hold_all DIRECTORY: takes all locks, or none
hold_all() {
  locks "$1" >"$work/locks"
  set --
  while IFS= read -r lock; do set -- "$@" flock --nonblock --no-fork "$lock"; done <"$work/locks"
  [ "$#" -gt 0 ] || return 0
  rm -f "$work/hold" "$work/held" "$work/busy"
  mkfifo "$work/hold"
  { "$@" sh -c ': >"$0"; exec cat' "$work/held" <"$work/hold" || : >"$work/busy"; } >/dev/null 2>&1 3>&- 4>&- 9>&- &
  # The other end of what the holder reads: it closes with this shell and all that it started.
  exec 8>"$work/hold"
  looks=0
  until [ -e "$work/held" ] || [ -e "$work/busy" ] || [ "$looks" -ge 100 ]; do looks=$(( looks + 1 )); sleep 0.05; done
  if [ -e "$work/held" ]; then return 0; fi
  exec 8>&-
  return 1
}

hold_operations() {
  clock; asked=$now
  until hold_all "$1"; do
    clock
    if [ "$(( now - asked ))" -ge "$(( operation_wait * 1000 ))" ]; then
      echo "operations of apps are still under way after $operation_wait s: $(under_way "$1")this task changed nothing; run it again when they have ended"
      return 1
    fi
    sleep 0.5
  done
  clock
  if [ "$(( now - asked ))" -ge 1000 ]; then say "waited $(( (now - asked) / 1000 )) s for an operation to end"; fi
}
`;
