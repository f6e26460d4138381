/** The part of the Engine's document of a container that a container is made anew from. */
export interface Inspected {
  Id: string;
  Name: string;
  /** Id of the image. */
  Image: string;
  Config: {
    Image: string;
    Cmd: string[] | null;
    Entrypoint: string[] | null;
    Env: string[] | null;
    Labels: Record<string, string> | null;
  };
  HostConfig: {
    Binds?: string[] | null;
    Mounts?: { Type: string; Source?: string; Target: string }[] | null;
    [key: string]: unknown;
  };
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean }[];
  NetworkSettings: { Networks: Record<string, { Aliases?: string[] | null }> | null };
}

/** The Engine's request for a container like the one that was inspected. */
export function remakeOf(found: Inspected): Record<string, unknown> {
  const { Config, HostConfig, Mounts, NetworkSettings } = found;
  const unnamed = new Map(
    Mounts.filter(({ Type, Name = '' }) => Type === 'volume' && /^[0-9a-f]{64}$/.test(Name)).map((mount) => [
      mount.Destination,
      mount,
    ]),
  );
  // Compose asks for them among its mounts, by their place alone; an image's own are asked for by nobody.
  const mounts = (HostConfig.Mounts ?? []).map((mount) => {
    const found = unnamed.get(mount.Target);
    unnamed.delete(mount.Target);
    return found === undefined ? mount : { ...mount, Source: found.Name };
  });
  for (const bind of HostConfig.Binds ?? []) unnamed.delete(bind.split(':')[1] ?? '');
  const binds = [...unnamed.values()].map(
    ({ Name = '', Destination, RW }) => `${Name}:${Destination}${RW ? '' : ':ro'}`,
  );
  const networks = Object.entries(NetworkSettings.Networks ?? {}).map(([name, { Aliases }]) => [
    name,
    // The Engine adds the container's own short id itself.
    { Aliases: (Aliases ?? []).filter((alias) => !found.Id.startsWith(alias)) },
  ]);
  return {
    ...Config,
    HostConfig: { ...HostConfig, Mounts: mounts, Binds: [...(HostConfig.Binds ?? []), ...binds] },
    NetworkingConfig: { EndpointsConfig: Object.fromEntries(networks) as Record<string, unknown> },
  };
}
