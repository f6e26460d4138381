import { describe, expect, it } from '@jest/globals';
import { action, names, ownPath, read, workflows } from './contract.ts';
import type { Action, Job, Step } from './contract.ts';

const jobs = workflows.flatMap(({ file, workflow }) =>
  Object.entries(workflow.jobs).map(([id, job]) => ({ file, id, job, workflow })),
);
const steps = jobs.flatMap(({ file, id, job }) => (job.steps ?? []).map((step) => ({ file, id, job, step })));
const composite = action('.');

/** What a step gets wrong about the action that it uses: unknown or missing inputs. */
function inputFaults(step: Step, target: Action): string[] {
  const given = Object.keys(step.with ?? {});
  const known = target.inputs ?? {};
  return [
    ...given.filter((name) => !(name in known)).map((name) => `unknown input ${name}`),
    ...Object.entries(known)
      .filter(([name, input]) => input.required === true && !given.includes(name))
      .map(([name]) => `missing input ${name}`),
  ];
}

/** Names of outputs that a list of steps reads from steps before, as `id.name`, with those that exist. */
function outputFaults(list: readonly Step[], texts: readonly string[]): string[] {
  const faults: string[] = [];
  for (const text of texts) {
    for (const [, id, name] of text.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const step = list.find((candidate) => candidate.id === id);
      const path = step?.uses === undefined ? undefined : ownPath(step.uses);
      if (step === undefined) faults.push(`no step ${id}`);
      else if (path !== undefined && !(name! in (action(path).outputs ?? {})))
        faults.push(`${path} has no output ${name}`);
      else if (step.run !== undefined && !writes(`${step.run}\n${scriptOf(step.run)}`, name!)) {
        faults.push(`step ${id} never writes ${name}`);
      }
    }
  }
  return faults;
}

/** As a line of its own, or by a function `output NAME FILE` for values of several lines. */
const writes = (script: string, name: string): boolean =>
  script.includes(`${name}=`) || new RegExp(`^output ${name} `, 'm').test(script);

/** The text of the script that a step runs, where it is one of this repository. */
const scriptOf = (run: string): string => {
  const path = /^(?:node (scripts\/[\w-]+\.ts)$|sh (\.github\/[\w-]+\.sh) )/m.exec(run.trim())?.slice(1).find(Boolean);
  return path === undefined ? '' : read(path);
};

describe('every workflow', () => {
  it.each(workflows)('$file starts from no permission and has a concurrency group', ({ workflow }) => {
    expect(workflow.permissions).toEqual({});
    expect(workflow.concurrency?.group).toEqual(expect.any(String));
  });

  it.each(jobs)('$file, job $id: permissions with a comment each, a time limit', ({ file, job }) => {
    const scopes = Object.entries(job.permissions ?? {});
    expect(scopes.length).toBeGreaterThan(0);
    const text = workflows.find((one) => one.file === file)?.text ?? '';
    for (const [scope, level] of scopes) {
      expect(text).toMatch(new RegExp(`^ {6}${scope}: ${level} # \\S`, 'm'));
    }
    if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it.each(steps)(
    '$file, job $id: $step.name is pinned, named and passes no expression to a shell',
    ({ file, step }) => {
      expect(step.name).toEqual(expect.any(String));
      expect(step.run ?? '').not.toContain('${{');
      if (step.uses === undefined || ownPath(step.uses) !== undefined) return;
      expect(step.uses).toMatch(/^[\w-]+\/[\w/-]+@[0-9a-f]{40}$/);
      const text = workflows.find((one) => one.file === file)?.text ?? '';
      expect(text).toMatch(new RegExp(`uses: ${step.uses} # v\\d+\\.\\d+\\.\\d+$`, 'm'));
    },
  );

  it.each(steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@')))(
    '$file, job $id: the checkout keeps no credentials',
    ({ step }) => {
      expect(step.with).toMatchObject({ 'persist-credentials': false });
    },
  );

  it.each(steps.filter(({ step }) => step.uses !== undefined && ownPath(step.uses) !== undefined))(
    '$file, job $id: $step.name fits its action',
    ({ step, job }) => {
      expect(job.steps?.[0]?.uses).toMatch(/^actions\/checkout@/);
      expect(inputFaults(step, action(ownPath(step.uses ?? '') ?? ''))).toEqual([]);
    },
  );

  it.each(jobs)('$file, job $id: outputs that it reads exist', ({ job, workflow }) => {
    expect(outputFaults(job.steps ?? [], [JSON.stringify(job)])).toEqual([]);
    const needs = [job.needs ?? []].flat();
    for (const [, id, name] of JSON.stringify(job).matchAll(/needs\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      expect(needs).toContain(id);
      expect(outputsOf(workflow.jobs[id ?? ''])).toContain(name);
    }
  });

  it.each(jobs.filter(({ job }) => job.uses !== undefined))(
    '$file, job $id: secrets are named one by one and declared by the called workflow',
    ({ job }) => {
      const called = workflows.find(({ file }) => `./.github/workflows/${file}` === job.uses);
      const declared = Object.keys(called?.workflow.on['workflow_call']?.secrets ?? {});
      expect(job.secrets).not.toBe('inherit');
      expect(declared).toEqual(expect.arrayContaining(Object.keys(job.secrets ?? {})));
      expect(declared).toEqual(expect.arrayContaining(names(called?.text ?? '', 'secrets')));
    },
  );

  it.each(workflows.filter(({ workflow }) => 'workflow_call' in workflow.on))(
    '$file: outputs of the call are outputs of its jobs',
    ({ workflow }) => {
      for (const { value } of Object.values(workflow.on['workflow_call']?.outputs ?? {})) {
        const [, id, name] = /jobs\.([\w-]+)\.outputs\.([\w-]+)/.exec(value) ?? [];
        expect(Object.keys(workflow.jobs[id ?? '']?.outputs ?? {})).toContain(name);
      }
    },
  );
});

/** Output names of a job, or of the workflow that it calls. */
function outputsOf(job: Job | undefined): string[] {
  if (job?.uses === undefined) return Object.keys(job?.outputs ?? {});
  const called = workflows.find(({ file }) => `./.github/workflows/${file}` === job.uses);
  return Object.keys(called?.workflow.on['workflow_call']?.outputs ?? {});
}

describe('the set of workflows', () => {
  it('has one workflow that a push to main starts', () => {
    const started = workflows.filter(({ workflow }) => {
      if (!('push' in workflow.on)) return false;
      const push = workflow.on['push'] as { branches?: string[]; 'branches-ignore'?: string[] } | null;
      return !(push?.['branches-ignore']?.includes('main') ?? false);
    });
    expect(started.map(({ file }) => file)).toEqual(['deploy.yml']);
    expect(started[0]?.workflow.on['push']).toEqual({ branches: ['main'] });
    expect(started[0]?.workflow.name).toBe('Deploy to Production');
  });

  it('never runs the code of a pull request with the rights of the repository', () => {
    for (const { workflow } of workflows) {
      expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
      expect(Object.keys(workflow.on)).not.toContain('workflow_run');
    }
  });

  it('knows the admin key where a server is provisioned or audited only, and there in its own environment only', () => {
    const users = workflows.filter(({ text }) => text.includes('ADMIN_SSH_PRIVATE_KEY'));
    expect(users.map(({ file }) => file).sort()).toEqual(['audit.yml', 'provision.yml']);
    for (const job of users.flatMap(({ workflow }) => Object.values(workflow.jobs))) {
      const reads = JSON.stringify(job).includes('ADMIN_SSH_PRIVATE_KEY');
      const name = typeof job.environment === 'object' ? job.environment.name : job.environment;
      expect(name === 'production-admin').toBe(reads);
    }
  });

  it('audits every week, looks only, and shows its report to nobody that obeys it', () => {
    const audit = workflows.find(({ file }) => file === 'audit.yml');
    expect(audit?.workflow.on['schedule']).toEqual([{ cron: expect.stringMatching(/ \* \* [0-6]$/) }]);
    const [, verify, show] = audit?.workflow.jobs['audit']?.steps ?? [];
    expect(verify?.with).toMatchObject({ mode: 'verify' });
    expect(show?.run).toMatch(/::stop-commands::[^]*cat "\$REPORT"/);
  });

  it('reads the deploy key in the environment production only, and never beside the admin key', () => {
    for (const { job } of jobs.filter((one) => JSON.stringify(one.job).includes('secrets.SSH_PRIVATE_KEY'))) {
      expect(typeof job.environment === 'object' ? job.environment.name : job.environment).toBe('production');
      expect(JSON.stringify(job)).not.toContain('ADMIN_');
    }
  });

  it('reads no secret or variable that docs/workflows.md does not name', () => {
    const documented = read('docs/workflows.md');
    for (const { text } of workflows) {
      for (const name of [...names(text, 'secrets'), ...names(text, 'vars')])
        expect(documented).toContain(`\`${name}\``);
    }
  });

  it('gives an environment to the code of main only', () => {
    const guarded = jobs.filter(({ job }) => job.environment !== undefined);
    expect(guarded.map(({ file }) => file).sort()).toEqual([
      'audit.yml',
      'deploy.yml',
      'provision.yml',
      'rollback.yml',
    ]);
    for (const { job } of guarded) {
      const terms = (job.if ?? '').replace(/^\$\{\{|\}\}$/g, '').split('&&');
      expect(terms.map((term) => term.trim())).toContain("github.ref == 'refs/heads/main'");
      expect(job.if).not.toContain('||');
    }
  });

  it('gives the code of a pull request no stored secret, and builds only where its token may push', () => {
    for (const { file, text } of workflows.filter(({ workflow }) => 'pull_request' in workflow.on)) {
      for (const [, expression = ''] of text.matchAll(/\$\{\{([^}]*\bsecrets\.[^}]*)\}\}/g))
        expect(`${file}: ${expression.trim()}`).toMatch(
          /: github\.event_name != 'pull_request' && secrets\.\w+ \|\| (github\.token|'')$/,
        );
    }
    const build = jobs.find(({ file, id }) => file === 'automation.yml' && id === 'build')?.job.if;
    expect(build?.trim()).toBe(
      "github.event_name != 'pull_request' || (github.event.pull_request.head.repo.full_name == github.repository && github.actor != 'dependabot[bot]')",
    );
  });

  it('deploys in order and drops nothing', () => {
    const deploy = workflows.find(({ file }) => file === 'deploy.yml')?.workflow;
    expect(deploy?.concurrency).toEqual({ group: 'deploy-production', 'cancel-in-progress': false, queue: 'max' });
    const order = deploy?.jobs['deploy']?.steps?.map((step) => step.uses ?? '');
    expect(order?.slice(1)).toEqual(['./actions/deploy-release', './actions/verify-health']);
  });
});

describe('the composite action', () => {
  const list = composite.runs.steps ?? [];

  it('lets the server take releases from where it pushes them, and so do the workflows', () => {
    const from = (all: readonly Step[], path: string): Step['with'] =>
      all.find(({ uses }) => uses?.endsWith(path))?.with;
    expect(from(list, '/provision-vps')?.['repository']).toBe(
      '${{ inputs.registry }}/${{ inputs.repository || github.repository }}',
    );
    const all = steps.map(({ step }) => step);
    const build = from(all, '/build-images');
    expect([build?.['registry'], build?.['repository']]).toEqual([
      "${{ vars.REGISTRY || 'ghcr.io' }}",
      '${{ vars.REPOSITORY }}',
    ]);
    expect(from(all, '/provision-vps')?.['repository']).toBe(
      "${{ vars.REGISTRY || 'ghcr.io' }}/${{ vars.REPOSITORY || github.repository }}",
    );
  });

  it('finds its parts wherever it is used from', () => {
    for (const step of list) expect(step.uses).toMatch(/^\$\/actions\//);
  });

  it.each(list)('$name fits its action', (step) => {
    expect(inputFaults(step, action(ownPath(step.uses ?? '') ?? ''))).toEqual([]);
  });

  it('reads every input that it declares, and no other', () => {
    expect(names(JSON.stringify(composite.runs.steps) + ifs(list), 'inputs')).toEqual(
      Object.keys(composite.inputs ?? {}).sort(),
    );
  });

  it('passes on outputs that exist', () => {
    expect(outputFaults(list, [JSON.stringify(composite)])).toEqual([]);
  });

  it('has the defaults of the actions that it passes its inputs to', () => {
    for (const step of list) {
      const target = action(ownPath(step.uses ?? '') ?? '');
      for (const [name, value] of Object.entries(step.with ?? {})) {
        const own = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(String(value))?.[1];
        const theirs = target.inputs?.[name]?.default ?? '';
        const ours = own === undefined ? '' : (composite.inputs?.[own]?.default ?? '');
        if (own !== undefined && theirs !== '') expect(`${name}: ${ours}`).not.toBe(`${name}: `);
      }
    }
  });
});

/** `if:` needs no `${{ }}`: wrapped here so that the names in it are found. */
const ifs = (list: readonly object[]): string =>
  list.map((step) => ('if' in step ? `\${{ ${String(step.if)} }}` : '')).join('\n');
