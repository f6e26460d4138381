import { ContractError, type Colour } from '@delivery/release';
import { isObject, readYaml, section, writeYaml } from './document.ts';
import { renderColour } from './render.ts';
import type { ComposeObject, RenderInput } from './types.ts';

/**
 * The compose project `<app>-run` for one command in a live release: the given service of the colour as it runs, with its image,
 * environment and networks, under no name that the edge or another service knows, and never restarted. A project of its own, so that
 * the colour's containers and the command's have nothing to do with each other.
 * @param service a web service of the compose file
 * @returns the text, and the name of its one service
 */
export function renderOneOff(input: RenderInput & { colour: Colour; service: string }): {
  project: string;
  text: string;
  service: string;
} {
  const colour = renderColour(input);
  const found = colour.containers.find(({ service, replica }) => service === input.service && replica === 1);
  if (found === undefined)
    throw new ContractError(
      'call',
      `run: service ${JSON.stringify(input.service)}: is not in release ${input.manifest.release}`,
    );
  const document = readYaml(colour.text, 'rendered project');
  const {
    depends_on: _,
    healthcheck: __,
    stop_grace_period: ___,
    ...service
  } = section(document, 'services')[found.name] ?? {};
  const project = `${input.manifest.app}-run`;
  return {
    project,
    service: found.name,
    text: writeYaml({
      ...document,
      name: project,
      services: {
        [found.name]: {
          ...service,
          labels: oneOffLabels(service['labels']),
          restart: 'no',
          networks: bare(service['networks']),
        },
      },
      networks: Object.fromEntries(
        Object.entries(section(document, 'networks')).map(([name, network]) => [
          name,
          { external: true, name: network['name'] },
        ]),
      ),
    }),
  };
}

/** Without the app's own labels by which the colour's containers are found. */
function oneOffLabels(value: unknown): ComposeObject {
  const labels = isObject(value) ? value : {};
  const kept = Object.entries(labels).filter(([name]) => !name.startsWith('delivery.'));
  return { ...Object.fromEntries(kept), 'delivery.run': String(labels['delivery.app'] ?? '') };
}

function bare(networks: unknown): ComposeObject {
  return Object.fromEntries(Object.keys(isObject(networks) ? networks : {}).map((name) => [name, {}]));
}
