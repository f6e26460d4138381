import { quote, sha256 } from './shell.ts';
import { placed, type Task } from './task.ts';

/** What the edge is made of; all of it is changed at once and goes back at once. */
export interface Edge {
  image: string;
  compose: string;
  /** Traefik's static configuration. */
  traefik: string;
}

const HOME = '/opt/edge';
/** What the edge that serves was started with, while another is tried. */
const BEFORE = `${HOME}/before`;
/** Template for a container: does it run, and in the edge's network? */
const ATTACHED = '{{.State.Running}}{{if index .NetworkSettings.Networks "edge"}} edge{{end}}';
/** Seconds in which a new edge must answer; one that ends again and again is given up at once. */
const PATIENCE = 30;

const SHELL = String.raw`of_edge() { docker inspect --type container --format "$1" edge 2>/dev/null; }

# answers NAME: does the edge serve an app by this name? For its own address any answer will do.
answers() {
  status=$(curl -sk -m 2 -o /dev/null -w '%{http_code}' --resolve "$1:443:127.0.0.1" "https://$1/") || return 1
  case $1:$status in 127.0.0.1:*) ;; *:000 | *:404 | *:5??) return 1 ;; esac
}

# served: who is served now, the edge's own address last
served() {
  for name in $(grep -oh 'Host(.[a-zA-Z0-9.-]*.)' dynamic/*.yaml 2>/dev/null | sed 's/^Host(.//;s/.)$//' | sort -u) 127.0.0.1; do
    if answers "$name"; then printf '%s\n' "$name"; fi
  done
}

# watch_edge NAME: writes down each look until "$work/seen" is there
watch_edge() {
  looks=0
  while [ -d "$work" ] && [ ! -e "$work/seen" ] && [ "$looks" -lt 3000 ]; do
    looks=$(( looks + 1 ))
    clock; asked=$now
    if answers "$1"; then clock; echo "$now up"; else echo "$asked down"; fi
    sleep 0.05
  done >"$work/watched"
}

# silence: milliseconds from the first look without an answer to the answer after the last such one
silence() {
  if [ ! -s "$work/served" ]; then return 0; fi
  sleep 0.2
  : >"$work/seen"
  clock
  awk -v end="$now" '$2 == "down" { if (!lost) lost = $1; back = 0 } $2 == "up" && lost && !back { back = $1 }
    END { printf "; no answer for %d ms", lost ? (back ? back : end) - lost : 0 }' "$work/watched"
}

# settled: does the edge come up, and serve whom it served before?
settled() {
  restarts=$(of_edge '{{.RestartCount}}') || return 1
  clock; limit=$(( now + patience * 1000 ))
  while :; do
    if docker exec edge traefik healthcheck >/dev/null 2>&1; then
      lost=
      for name in $(cat "$work/served"); do answers "$name" || { lost=$name; break; }; done
      if [ -z "$lost" ]; then return 0; fi
    fi
    clock
    if [ "$now" -ge "$limit" ] || ! [ "$(of_edge '{{.RestartCount}}')" -le "$(( restarts + 2 ))" ] 2>/dev/null; then return 1; fi
    sleep 0.2
  done
}

compose_up() { docker compose --ansi never up --detach --remove-orphans "$@"; }
`;

/** The edge runs with what it should; where another one does not come up, the one of before is put back. */
export function edgeTask({ image, compose, traefik }: Edge, patience = PATIENCE): Task {
  const environment = `EDGE_IMAGE=${image}\n`;
  const fingerprint = sha256([compose, traefik, environment].join('\0'));
  const files = [
    { name: 'traefik.yaml', content: traefik },
    { name: '.env', content: environment },
    { name: 'compose.yaml', content: compose },
  ];
  const names = files.map(({ name }) => name).join(' ');
  return {
    id: 'edge',
    reason:
      'One proxy for all apps, of a version that provisioning alone sets, with routes from files and no access to Docker; one that does not come up gives way to the one before it',
    source: 'docs/decisions/edge-upgrades-by-provisioning.md; doc.traefik.io, file provider',
    show: `head -n 99 ${files.map(({ name }) => `${HOME}/${name}`).join(' ')}; docker exec edge traefik healthcheck`,
    check: `state=$(docker inspect --type container --format '{{.Config.Image}} ${ATTACHED}' edge 2>/dev/null) || state=
if [ -z "$state" ] && [ ! -e ${HOME}/.started-with ]; then echo 'no edge'; return 1; fi
case $state in '' | ${quote(image)}' '*) ;; *) say "image \${state%% *} ->" ${quote(image)} ;; esac
wrong=
${files.map(({ name, content }) => `same ${HOME}/${name} ${sha256(content)} 644 root:root || wrong="$wrong ${name}"`).join('\n')}
[ -z "$wrong" ] || { echo "differs:$wrong"; return 1; }
[ ! -e ${BEFORE} ] || { echo 'a change of the edge was cut off'; return 1; }
[ "$(cat ${HOME}/.started-with 2>/dev/null)" = ${fingerprint} ] || { echo 'runs with something else'; return 1; }
[ "\${state#* }" = 'true edge' ] || { echo 'does not run, or not in its network'; return 1; }
until_true 5 docker exec edge traefik healthcheck`,
    apply: `${SHELL}
patience=${String(patience)}
hold_operations /opt
cd ${HOME}
# What an earlier run has left here is older than an edge that was proven since.
cmp -s before/.started-with .started-with || rm -rf before
if [ ! -d before ] && [ -e .started-with ]; then
  rm -rf before.new
  mkdir -m 700 before.new
  for file in ${names} .started-with; do
    if [ -e "$file" ]; then cp -p "$file" before.new/; fi
  done
  mv before.new before
fi
image=$(of_edge '{{.Config.Image}}' || sed -n 's/^EDGE_IMAGE=//p' .env 2>/dev/null | tail -n 1)
container=$(of_edge '{{.Id}}' || :)
running=$(of_edge '{{.Id}} {{.State.StartedAt}}' || :)
served >"$work/served"
rm -f "$work/seen" "$work/watched"
if [ -s "$work/served" ]; then watch_edge "$(head -n 1 "$work/served")" 3>&- 4>&- 8>&- 9>&- & fi

renewed() {
  compose_up || return 1
  # One that lost its network runs on and reaches no app.
  [ "$(of_edge '${ATTACHED}')" = 'true edge' ] || compose_up --force-recreate || return 1
  # Compose does not look into mounted files: a container that it left alone may still run on the old ones.
  if [ "$(of_edge '{{.Id}}')" = "$container" ] && [ "$(cat .started-with 2>/dev/null)" != ${fingerprint} ]; then
    docker restart --time 30 edge || return 1
  fi
  settled
}

put_back() {
  for file in ${names}; do
    if [ -e "before/$file" ]; then
      # A link, since a full disk may be what is wrong.
      ln -f "before/$file" "before/$file.back" && mv -f "before/$file.back" "$file" || return 1
    else
      rm -f "$file"
    fi
  done
  # Where no other edge was started the one of before was not touched.
  [ "$(of_edge '{{.Id}} {{.State.StartedAt}}')" = "$running" ] || compose_up --force-recreate || return 1
  settled
}

${files.map(({ name, content }) => placed(`${HOME}/${name}`, '644', 'root:root', content)).join('')}
if renewed; then
  printf '%s\\n' ${fingerprint} | put .started-with 644 root:root
  rm -rf before
  case $image in '' | ${quote(image)}) changed='started anew' ;; *) changed="image $image -> "${quote(image)} ;; esac
  say "$changed$(silence)"
  return 0
fi
former=$(sed -n 's/^EDGE_IMAGE=//p' before/.env 2>/dev/null | tail -n 1)
printf 'no edge comes up with %s%s: %s\\n' ${quote(image)} "\${lost:+ that serves $lost}" "$(docker logs --tail 2 edge 2>&1 | tr '\\n' ' ' | cut -c1-200)" >"$work/why"
if [ ! -d before ]; then
  cat "$work/why"
  echo 'there was none before it to go back to'
elif put_back >"$work/back" 2>&1; then
  rm -rf before
  cat "$work/why"
  echo "the edge of before ($former) was put back and serves as it did$(silence)"
else
  tail -n 2 "$work/back"
  cat "$work/why"
  echo "THE EDGE DOES NOT SERVE: the one of before ($former) was put back and does not come up either; see docker logs edge"
fi
return 1`,
  };
}
