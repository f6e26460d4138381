import type { Manifest } from '@delivery/release';
import type { ServiceExtension, TopExtension } from './extension.ts';

/** A part of a compose document as YAML gives it. */
export type ComposeObject = Record<string, unknown>;

/** A checked compose file: the whole document, still with its `${...}`, and the extension of each service with defaults filled. */
export interface Stack {
  app: string;
  /** The database schema as the file declares it. */
  schema: TopExtension['schema'];
  services: Record<string, StackService>;
  document: ComposeObject;
}

export interface StackService {
  name: string;
  release: ServiceExtension;
  /** The service as the file has it, without `x-release`. */
  compose: ComposeObject;
}

/** Values for `${VAR}` that are known when a release is sealed. */
export type Variables = Readonly<Record<string, string>>;

/** What `buildx bake` gets: compose text with image and build only, and the service that each of its targets is. */
export interface BakeProjection {
  /** The text of the projection, to be written beside the compose file (its paths are relative to that directory); '' when nothing is built. */
  text: string;
  /** Bake's target name -> service name; bake does not take dots in target names. */
  targets: Record<string, string>;
}

export interface SealInput {
  composeText: string;
  variables: Variables;
  /** Each service's image as `<repository>@sha256:<hex>`, edge services excepted. */
  images: Readonly<Record<string, string>>;
  /** Release id: part of the host paths that the sealed file points at. */
  release: string;
}

/** A file or directory that travels in the release image. */
export interface SealedFile {
  /** Relative to the compose file's directory, normalised, never outside of it. */
  source: string;
  /** `files/<source>`: its place in the release image and below /opt/<app>/releases/<id>/. */
  target: string;
}

export interface Sealed {
  text: string;
  /** What the caller must pack; a source may be a directory (then every file below it belongs). */
  files: SealedFile[];
  /** Names of `${VAR}` without a default that the sealed text needs from the host's .env, sorted. */
  secrets: string[];
}

export interface ManifestInput {
  sealed: Sealed;
  release: string;
  commit: string;
  /** ISO time. */
  created: string;
  version: string;
  /** Service name -> platforms of its image, as `os/architecture`. */
  platforms: Readonly<Record<string, readonly string[]>>;
  /** Path in the release image (`files/...`) -> `sha256:<hex>`; compose.yaml is added here. */
  files: Readonly<Record<string, string>>;
  agentMinimum?: string;
}

/** Compose text of one project and what the agent needs to address it. */
export interface Rendered {
  /** Compose project name. */
  project: string;
  text: string;
  /** Every container that the project runs. */
  containers: RenderedContainer[];
  /** Named volumes that must exist before the project starts (`docker volume create` is idempotent). */
  volumes: RenderedVolume[];
  /** Packed files that must be on the host at `target` before the project starts; empty for a colour, whose release directory has them. */
  files: RenderedFile[];
}

export interface RenderedVolume {
  name: string;
  driver: string;
  options: Record<string, string>;
}

export interface RenderedFile {
  /** Path in the release directory: `files/...`; a directory stands for everything below it. */
  source: string;
  /** Absolute path on the host. */
  target: string;
}

export interface RenderInput {
  /** Text of the sealed compose file. */
  sealed: string;
  manifest: Manifest;
}

export interface RenderedContainer {
  /** Service name within the project, e.g. `web-1`. */
  name: string;
  /** Service name in the compose file, e.g. `web`. */
  service: string;
  role: 'web' | 'worker' | 'scheduler' | 'job' | 'backing';
  /** A worker or scheduler of which both colours' containers may run at once, as those of every web service do. */
  overlap?: boolean;
  /** 1 for the first; always 1 for workers and backing services. */
  replica: number;
  /** Alias on the network `edge`; null where the edge does not reach it. */
  alias: string | null;
  /** Port that the service listens on; null for workers and backing services. */
  port: number | null;
  image: string;
}

/** A container of the jobs' project. */
export interface RenderedJob extends RenderedContainer {
  purpose: 'migration' | 'backup';
  /** Seconds after which it is stopped. */
  timeoutSeconds: number;
}

/** A directory of hashed files in the image of a web service. */
export interface ReleaseAssets {
  service: string;
  image: string;
  /** Absolute path in the image. */
  path: string;
}

export interface RouteInput {
  manifest: Manifest;
  colour: 'blue' | 'green';
  generation: number;
  /** `files`: certificates come from tls.yaml; `acme`: from the edge's resolver `acme`. */
  tls: 'files' | 'acme';
}

/** What a route file says about itself. */
export interface RouteState {
  generation: number;
  release: string;
  colour: 'blue' | 'green';
}
