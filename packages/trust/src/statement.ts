import { z } from 'zod';
import { COMMIT, DIGEST } from '@delivery/release';
import type { BuildSource } from './source.ts';

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
export const SPDX_TYPE = 'https://spdx.dev/Document';
export const CYCLONEDX_TYPE = 'https://cyclonedx.org/bom';
/** GitHub's own build type for "a workflow made this": repository, path and ref of the workflow are its external parameters. */
const BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1';

/** What a signature is about; a release's must not be taken for an agent's. */
export const KINDS = ['release', 'image', 'agent'] as const;
export type Kind = (typeof KINDS)[number];

/** A file or an image by digest. */
export interface Subject {
  name: string;
  /** `sha256:<hex>` */
  digest: string;
}

/** What a build says about itself. */
export interface Build extends BuildSource {
  commit: string;
  /** Address of the run, or '' off GitHub. */
  run: string;
  /** Event that started it, or ''. */
  event: string;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
const subject = z.object({ name: z.string().max(512), digest: z.object({ sha256 }) });

/** An in-toto statement, as far as every predicate has it. */
export const StatementSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(subject).min(1).max(256),
  predicateType: z.string(),
  predicate: z.record(z.string(), z.unknown()),
});
export type Statement = z.infer<typeof StatementSchema>;

/** The parts of a SLSA provenance that a host decides by. */
export const ProvenanceSchema = z.object({
  buildDefinition: z.object({
    externalParameters: z.object({
      workflow: z.object({ repository: z.string(), path: z.string(), ref: z.string() }),
    }),
    internalParameters: z.object({
      delivery: z.object({ format: z.literal(1), kind: z.enum(KINDS), app: z.string(), release: z.string() }),
    }),
    resolvedDependencies: z.array(z.object({ digest: z.object({ gitCommit: z.string().regex(COMMIT) }) })).min(1),
  }),
});

function subjects(list: readonly Subject[]): Statement['subject'] {
  return list.map(({ name, digest }) => {
    if (!DIGEST.test(digest)) throw new Error(`subject ${name}: ${digest} is no digest`);
    return { name, digest: { sha256: digest.slice('sha256:'.length) } };
  });
}

/** The provenance of what a build made. `app` and `release` are '' where there is none. */
export function provenance(
  what: { kind: Kind; app: string; release: string },
  made: readonly Subject[],
  build: Build,
): Statement {
  const { repository, workflow, ref, commit, run, event } = build;
  return {
    _type: STATEMENT_TYPE,
    subject: subjects(made),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { workflow: { repository, path: workflow, ref } },
        internalParameters: { github: { event_name: event }, delivery: { format: 1, ...what } },
        resolvedDependencies: [{ uri: `git+${repository}@${ref}`, digest: { gitCommit: commit } }],
      },
      runDetails: {
        builder: { id: `${repository}/${workflow}@${ref}` },
        metadata: { invocationId: run },
      },
    },
  };
}

/** The bill of materials of one image; `type` is the predicate's, of the tool's format. */
export function materials(image: Subject, type: string, document: Record<string, unknown>): Statement {
  return { _type: STATEMENT_TYPE, subject: subjects([image]), predicateType: type, predicate: document };
}
