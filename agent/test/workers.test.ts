import { describe, expect, it, jest } from '@jest/globals';
import { renderColour } from '@delivery/stack';
import { startColour } from '../src/steps/start.ts';
import { stopWorkers } from '../src/workers.ts';
import { digestOf, manifestOf, newHost } from './host.ts';

const image = `registry.test/shop/web@${digestOf('a')}`;
const SEALED = `
x-release: {app: shop}
services:
  web: {image: "${image}", x-release: {role: web, port: 3000, routes: [{host: shop.test}], health: {}}}
  mail: {image: "${image}", x-release: {role: worker}}
  cron: {image: "${image}", x-release: {role: scheduler}}
  index: {image: "${image}", x-release: {role: worker, overlap: true}}
`;
const manifest = manifestOf('r1', {
  services: {
    web: { role: 'web', image, platforms: [] },
    mail: { role: 'worker', image, platforms: [] },
    cron: { role: 'scheduler', image, platforms: [] },
    index: { role: 'worker', image, platforms: [], overlap: true },
  },
});
const project = renderColour({ sealed: SEALED, manifest, colour: 'green' });

describe('workers and schedulers of a colour', () => {
  it('start after the switch, but for those that are declared safe', async () => {
    const compose = jest.fn((_target: object, _command: string[]) => Promise.resolve(''));
    const run = { paths: newHost().paths, docker: { compose, ensureVolume: () => Promise.resolve() } } as never;
    const started = async (when?: 'after'): Promise<string[]> => {
      compose.mockClear();
      await startColour(run, 'r1', project, '/file', '/env', when);
      return compose.mock.calls.flatMap(([, command]) => command.slice(command.indexOf('--no-build') + 1));
    };
    expect(await started()).toEqual(['web-1', 'index']);
    expect(await started('after')).toEqual(['mail', 'cron', 'index']);
  });

  it('of the old colour are all stopped, and stay so after a reboot', async () => {
    const done: string[] = [];
    const docker = {
      restartPolicy: (id: string, name: string) => Promise.resolve(done.push(`${id} ${name}`)),
      stop: ({ id }: { id: string }) => Promise.resolve(done.push(`${id} stopped`)),
    } as never;
    const replicas = project.containers.map((spec) => ({
      spec,
      container: { id: spec.name, running: spec.name !== 'mail' } as never,
    }));
    await stopWorkers({ docker }, replicas);
    expect(done.sort()).toEqual(['cron no', 'cron stopped', 'index no', 'index stopped']);
  });
});
