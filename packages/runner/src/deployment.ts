import * as core from '@actions/core';
import type * as Github from '@actions/github';
import { redact } from './mask.ts';

/** A fifth of the bundle: it is loaded while the host is connected to, and only where GitHub is told. */
const github = (): Promise<typeof Github> => import('@actions/github');

export interface DeploymentOptions {
  token: string | null;
  environment: string | null;
  environmentUrl: string | null;
  /** One line that says what is deployed, such as the release's reference. */
  description: string;
}

export interface Deployment {
  /** Reports the end. Never throws. */
  finish(state: 'success' | 'failure' | 'error', description: string): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** GitHub's own limit for the description of a status. */
const MAX_DESCRIPTION = 140;

const NONE: Deployment = { finish: () => Promise.resolve() };

/**
 * Shows the deployment on GitHub, where a token and an environment are given. This is a report about the deployment and no part of it: whatever
 * GitHub answers, a good deploy stays good, and the reason for a missing report is a notice in the log.
 */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { token, environment, environmentUrl, description } = options;
  if (!environment) return NONE;
  if (!token) {
    core.notice(`No deployment status for "${environment}": the input github-token is empty`);
    return NONE;
  }
  try {
    const { context, getOctokit } = await github();
    const { repos } = getOctokit(token).rest;
    const { owner, repo } = context.repo;
    const created = await bounded((signal) =>
      repos.createDeployment({
        owner,
        repo,
        ref: context.sha,
        environment,
        description: short(description),
        auto_merge: false,
        required_contexts: [],
        request: { signal },
      }),
    );
    // 202 carries a message instead of a deployment: GitHub wants to merge first, which auto_merge forbids.
    if (created.status !== 201) throw new Error('GitHub created no deployment');
    const { id } = created.data;
    const report = async (state: 'in_progress' | 'success' | 'failure' | 'error', text: string): Promise<void> => {
      const log = `${context.serverUrl}/${owner}/${repo}/actions/runs/${context.runId}`;
      await bounded((signal) =>
        repos.createDeploymentStatus({
          owner,
          repo,
          deployment_id: id,
          state,
          description: short(text),
          log_url: log,
          ...(environmentUrl && state === 'success' ? { environment_url: environmentUrl } : {}),
          request: { signal },
        }),
      );
    };
    await report('in_progress', description);
    return {
      finish: async (state, text) => {
        try {
          await report(state, text);
        } catch (error) {
          explain(environment, error);
        }
      },
    };
  } catch (error) {
    explain(environment, error);
    return NONE;
  }
}

function bounded<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return call(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
}

function explain(environment: string, error: unknown): void {
  const status = (error as { status?: unknown }).status;
  const why =
    status === 403 || status === 404
      ? `GitHub answered ${status}; the job needs "permissions: deployments: write"`
      : `GitHub did not take it (${error instanceof Error ? error.message : String(error)})`;
  core.notice(redact(`No deployment status for "${environment}": ${why}. The deployment itself is not affected`));
}

function short(text: string): string {
  const line = redact(text).replace(/\s+/g, ' ');
  return line.length > MAX_DESCRIPTION ? `${line.slice(0, MAX_DESCRIPTION - 1)}…` : line;
}
