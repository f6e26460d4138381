import { expect, it } from '@jest/globals';
import { drawTable } from '../table.ts';

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
