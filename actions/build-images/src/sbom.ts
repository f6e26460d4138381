import { getExecOutput } from '@actions/exec';
import { docker, environment, lastLine } from './docker.ts';

/** The tool that reads images: https://github.com/anchore/syft. */
const TOOL = 'syft';

/** @throws Error saying how to get the tool where it is missing */
export async function checkSbomTool(): Promise<void> {
  try {
    const { exitCode } = await getExecOutput(TOOL, ['version'], { silent: true, ignoreReturnCode: true });
    if (exitCode === 0) return;
  } catch {
    // not in the PATH
  }
  throw new Error(
    `Input "sbom": found true, and this runner has no ${TOOL} in its PATH; allowed: a step before this one that installs ${TOOL}, or sbom: false`,
  );
}

/**
 * What is in an image (packages of the distribution and of the languages), as a CycloneDX document.
 * @param env the docker client's own, with its logins
 * @throws Error with the tool's last line
 */
export async function billOfMaterials(ref: string, env: Record<string, string>): Promise<Record<string, unknown>> {
  const local = (await docker(['image', 'inspect', '--format', '{{.Id}}', ref])).code === 0;
  const { exitCode, stdout, stderr } = await getExecOutput(
    TOOL,
    ['scan', `${local ? 'docker' : 'registry'}:${ref}`, '--output', 'cyclonedx-json', '--quiet'],
    {
      silent: true,
      ignoreReturnCode: true,
      env: { ...environment(), ...env, SYFT_CHECK_FOR_APP_UPDATE: 'false' },
    },
  );
  if (exitCode !== 0) throw new Error(`${TOOL} could not read ${ref}: ${lastLine(stderr) || `exit code ${exitCode}`}`);
  const document = JSON.parse(stdout) as Record<string, unknown>;
  if (document['bomFormat'] !== 'CycloneDX') throw new Error(`${TOOL} gave no CycloneDX document of ${ref}`);
  return document;
}
