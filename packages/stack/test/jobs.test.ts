import { describe, expect, it } from '@jest/globals';
import { parseCompose, renderJobs, seal } from '@delivery/stack';
import { imageOf, manifestOf, RELEASE } from './sample.ts';

const file = (top: string, job: string): string => `x-release: { app: shop${top} }
services:
  migrate:
    image: local/migrate
    x-release: { role: job${job} }
`;
const sealed = (top: string, job: string) =>
  seal({ composeText: file(top, job), variables: {}, images: { migrate: imageOf('a') }, release: RELEASE });

describe('the schema of the database', () => {
  it('travels from the compose file to the manifest', () => {
    expect(manifestOf(sealed(', schema: { version: 5, compatibleFrom: 4 }', '')).schema).toEqual({
      before: 4,
      after: 5,
      oldestCompatible: null,
      compatibleFrom: 4,
    });
    expect(manifestOf(sealed(', schema: { version: 5 }', '')).schema).toMatchObject({ after: 5, compatibleFrom: 5 });
    expect(manifestOf(sealed('', '')).schema).toEqual({ before: 0, after: 0, oldestCompatible: null });
  });

  it.each([
    ['version: 0', /schema\.version/],
    ['version: five', /schema\.version/],
    ['compatibleFrom: 1', /schema\.version/],
    ['version: 5, compatibleFrom: 6', /schema\.compatibleFrom.*must not be greater than version/],
    ['version: 5, since: 1', /since/],
  ])('is refused as {%s}', (schema, told) => {
    expect(() => parseCompose(file(`, schema: { ${schema} }`, ''))).toThrow(told);
  });
});

describe('jobs', () => {
  it('are migrations of at most ten minutes unless the file says otherwise', () => {
    const render = (job: string) => {
      const text = sealed(', schema: { version: 1 }', job);
      return renderJobs({ sealed: text.text, manifest: manifestOf(text) }).containers;
    };
    expect(render('')).toMatchObject([{ name: 'migrate', purpose: 'migration', timeoutSeconds: 600 }]);
    expect(render(', purpose: backup, timeoutSeconds: 30')).toMatchObject([{ purpose: 'backup', timeoutSeconds: 30 }]);
  });

  it('of an unknown purpose or without end are refused', () => {
    expect(() => parseCompose(file('', ', purpose: cleanup'))).toThrow(/purpose/);
    expect(() => parseCompose(file('', ', timeoutSeconds: 0'))).toThrow(/timeoutSeconds/);
  });

  it('that back up are refused where no schema number could ever rise', () => {
    expect(() => parseCompose(file('', ', purpose: backup'))).toThrow(
      'service migrate: a job with purpose backup runs when the schema number rises; the top-level x-release needs schema: {version: <number>}',
    );
  });
});
