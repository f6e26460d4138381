import type { Stage } from '../rehearsal/test/stage.ts';

/** A twin of the live container, started by hand, asked until it answers. Prints milliseconds from its start to the first answer. */
const TWIN = String.raw`set -eu
docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' web | sed '/^$/d' >/run/twin.env
id=$(docker run --detach --network edge --env-file /run/twin.env "$(docker inspect -f '{{.Config.Image}}' web)")
trap 'docker rm --force "$id" >/dev/null; rm -f /run/twin.env' EXIT
at=$(docker inspect -f '{{.NetworkSettings.Networks.edge.IPAddress}}' "$id")
until curl --silent --output /dev/null --max-time 2 "http://$at:3000/"; do sleep 0.01; done
answered=$(date +%s%N)
began=$(date --date "$(docker inspect -f '{{.State.StartedAt}}' "$id")" +%s%N)
echo "$(( (answered - began) / 1000000 ))"`;

/** What the app itself takes from the start of its container to its first answer on this host, seconds: no deploy can be faster. */
export async function bootTimes(stage: Stage, runs: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < runs; n++) times.push(Number((await stage.vpsShell(TWIN)).trim()) / 1000);
  return times;
}
