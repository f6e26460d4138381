import { expect, it } from '@jest/globals';
import { drawTable, drawWorkflows } from '../table.ts';

it('aligns columns, and seconds to the right', () => {
  const text = drawTable([
    { step: 'one', workflow: '', happened: 'went well', seconds: 3.04, ok: true },
    { step: 'another', workflow: 'deploy.yml 0123456789ab', happened: 'no', seconds: 123.4, ok: false },
  ]);
  expect(text.split('\n')).toEqual([
    '        step     workflow                 what happened  seconds',
    '------  -------  -----------------------  -------------  -------',
    'ok      one                               went well          3.0',
    'FAILED  another  deploy.yml 0123456789ab  no               123.4',
  ]);
});

it('lists the steps of each workflow by job, what it called, and each rewrite once', () => {
  const step = (job: string, name: string, result: 'success' | 'failure') => ({ job, step: name, result, ms: 1 });
  const replayed = {
    success: false,
    steps: [step('Build', 'Checkout code', 'success'), step('Deploy', 'Deploy', 'failure')],
    outputs: {},
    seconds: 1,
    workflow: 'deploy.yml aa',
    called: ['automation.yml bb'],
    changes: ['deploy.yml: queue dropped'],
  };
  const row = { workflow: 'deploy.yml aa', happened: '', seconds: 1, ok: true };
  const rows = [
    { ...row, step: 'hosts' },
    { ...row, step: 'one', replayed },
    { ...row, step: 'two', replayed },
  ];
  const each = ['deploy.yml aa -> automation.yml bb', '  Build: Checkout code', '  Deploy: Deploy (failure)'];
  expect(drawWorkflows(rows).split('\n')).toEqual([
    `one: ${each[0] ?? ''}`,
    ...each.slice(1),
    `two: ${each[0] ?? ''}`,
    ...each.slice(1),
    'rewritten for act:',
    '  deploy.yml: queue dropped',
  ]);
});
