import { ContractError } from '@delivery/release';
import type { TrustedSource } from '@delivery/release';

/** Where something was built: what its provenance says, or the certificate of its signer. */
export interface BuildSource {
  /** Address of the repository, such as `https://github.com/owner/repo`. */
  repository: string;
  /** Path of the workflow that was started, such as `.github/workflows/deploy.yml`; '' where there is none. */
  workflow: string;
  /** Such as `refs/heads/main`. */
  ref: string;
}

/**
 * Throws ContractError unless one of `sources` fits: `signature_repository` where none has the repository, else `signature_workflow`.
 * An empty list fits everything.
 * @param what names the signed thing in the message
 */
export function checkSource(sources: readonly TrustedSource[], found: BuildSource, what: string): void {
  if (sources.length === 0) return;
  // GitHub does not tell upper from lower case in the names of owners and repositories.
  const same = sources.filter(({ repository }) => repository.toLowerCase() === found.repository.toLowerCase());
  if (same.length === 0)
    throw new ContractError(
      'signature_repository',
      `${what}: was built in the repository ${shown(found.repository)}, this host trusts ${list(sources.map(({ repository }) => repository))}`,
    );
  if (same.some(({ workflow, ref }) => fits(workflow, found.workflow) && fits(ref, found.ref))) return;
  throw new ContractError(
    'signature_workflow',
    `${what}: was built by ${shown(found.workflow)} at ${shown(found.ref)}, this host trusts ${list(same.map(({ workflow, ref }) => `${workflow} at ${ref}`))}`,
  );
}

/** Whether `text` is what the pattern says; `*` stands for any characters. */
export function fits(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}

/** `<repository>/<workflow>@<ref>`, as GitHub writes it in GITHUB_WORKFLOW_REF, without the server; null where it is not that. */
export function parseWorkflowRef(text: string): { repository: string; workflow: string; ref: string } | null {
  const [, repository, workflow, ref] = /^([\w.-]+\/[\w.-]+)\/([^@]+)@(.+)$/.exec(text) ?? [];
  return repository === undefined || workflow === undefined || ref === undefined ? null : { repository, workflow, ref };
}

function shown(text: string): string {
  return text === '' ? 'nothing that is named' : JSON.stringify(text.slice(0, 200));
}

function list(items: readonly string[]): string {
  return [...new Set(items)].join(' or ');
}
