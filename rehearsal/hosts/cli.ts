/** The rig by hand: `node rehearsal/hosts/cli.ts up|down|status --instance NAME [--https-port PORT]`. */
import { parseArgs } from 'node:util';
import { attach, down, up, type Rig } from './rig.ts';
import { CHECKOUT } from './state.ts';

const USAGE = 'usage: node rehearsal/hosts/cli.ts up|down|status --instance NAME [--https-port PORT]';

/** What a person needs to use an instance; no secret. */
function report(rig: Rig): string {
  const { runner, vps, registry } = rig;
  return [
    `instance  ${rig.instance}, state in ${rig.stateDir}`,
    `runner    docker exec -it ${runner.container} bash   (checkout at /src)`,
    `vps       docker exec -it ${vps.container} bash   ssh 127.0.0.1:${vps.sshPort}  http 127.0.0.1:${vps.httpPort}  https 127.0.0.1:${vps.httpsPort}`,
    `          host key ${vps.hostFingerprint}`,
    `registry  ${registry.host} (127.0.0.1:${registry.port}), user ${registry.username}; Docker Hub mirror ${rig.mirror}`,
  ].join('\n');
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { instance: { type: 'string', default: 'default' }, 'https-port': { type: 'string' } },
});
const httpsPort = values['https-port'] === undefined ? undefined : Number(values['https-port']);
if (httpsPort !== undefined && !(Number.isInteger(httpsPort) && httpsPort > 0 && httpsPort < 65536)) {
  throw new Error(`--https-port is ${JSON.stringify(values['https-port'])}; allowed are 1 to 65535`);
}
const started = performance.now();
switch (positionals[0]) {
  case 'up': {
    const log = (line: string) =>
      console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
    console.log(
      report(
        await up({
          instance: values.instance,
          source: CHECKOUT,
          log,
          ...(httpsPort === undefined ? {} : { httpsPort }),
        }),
      ),
    );
    break;
  }
  case 'down':
    await down(values.instance);
    break;
  case 'status': {
    const rig = await attach(values.instance);
    console.log(rig ? report(rig) : `instance ${values.instance} is not up`);
    if (!rig) process.exitCode = 1;
    break;
  }
  default:
    console.error(USAGE);
    process.exitCode = 64;
}
