import * as core from '@actions/core';
import { parseWorkflowRef, type Build } from '@delivery/trust';
import type { Sign } from '@delivery/trust/sign';
import type { Inputs } from './inputs.ts';
import type { Source } from './source.ts';

/** How this build signs; null where it does not. @throws ContractError `signing-key` for a key that cannot be used */
export async function openSigning({ signing }: Inputs): Promise<Sign | null> {
  if (signing === null) {
    core.warning(
      'This release is not signed: a server that asks for signatures will refuse it. Set the input signing-key, or keyless on GitHub',
    );
    return null;
  }
  // Only a build that signs loads what talks to authorities and logs.
  const { readPrivateKey, signKeyless, signWithKey } = await import('@delivery/trust/sign');
  return signing === 'keyless'
    ? signKeyless()
    : signWithKey(readPrivateKey('signing-key', signing.key, signing.passphrase));
}

/** What the provenance says about this build, from the environment that every runner gives. */
export function describeBuild({ commit, repository }: Source, env: NodeJS.ProcessEnv = process.env): Build {
  const run = env['GITHUB_RUN_ID'] ?? '';
  const workflow = parseWorkflowRef(env['GITHUB_WORKFLOW_REF'] ?? '');
  return {
    repository,
    workflow: workflow?.workflow ?? '',
    // Of the workflow that was started: a pull request runs the one of its own branch.
    ref: workflow?.ref ?? env['GITHUB_REF'] ?? '',
    commit,
    run:
      run === '' || repository === ''
        ? ''
        : `${repository}/actions/runs/${run}/attempts/${env['GITHUB_RUN_ATTEMPT'] ?? '1'}`,
    event: env['GITHUB_EVENT_NAME'] ?? '',
  };
}
