import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { bakeProjection, parseCompose } from '@delivery/stack';
import { SAMPLE } from './sample.ts';

const project = (services: string, variables: Record<string, string> = {}, top = '') =>
  bakeProjection(parseCompose(`x-release: { app: shop }\nservices:\n${services}\n${top}`), variables);

describe('bakeProjection', () => {
  it('holds image and build of what is built, and nothing of the rest', () => {
    const { text, targets } = bakeProjection(parseCompose(SAMPLE), { REPO: 'registry.test/shop' });
    expect(parse(text)).toEqual({
      services: {
        web: { build: { context: './web', args: { VERSION: 'dev', PRICE: '5$$' } } },
        api: { image: 'registry.test/shop/api', build: { context: './api' } },
        mailer_eu: { build: { context: './api', additional_contexts: { base: 'service:api' } } },
      },
    });
    expect(targets).toEqual({ web: 'web', api: 'api', mailer_eu: 'mailer.eu' });
    for (const name of ['SESSION_KEY', 'MONGO_PASSWORD', 'EDGE_ONLY', 'env_file', 'x-release'])
      expect(text).not.toContain(name);
  });

  it('is empty when nothing is built', () => {
    expect(project('  db: { image: a, x-release: { role: backing } }')).toEqual({ text: '', targets: {} });
  });

  it('is strict about variables of the build and names the place', () => {
    const service = '  w: { build: { context: ., args: { TOKEN: "${TOKEN:?x}" } }, x-release: { role: worker } }';
    expect(() => project(service)).toThrow('compose file: service w.build.args.TOKEN: variable TOKEN is not set (x)');
    expect(parse(project(service, { TOKEN: 'a$b"' }).text)).toMatchObject({
      services: { w: { build: { args: { TOKEN: 'a$$b"' } } } },
    });
  });

  it('gives an argument without value the variable of its name, or leaves it to the Dockerfile', () => {
    const text = project(
      '  w: { build: { context: ., args: [GIVEN, ABSENT, "SET=1"] }, x-release: { role: worker } }',
      { GIVEN: 'g' },
    ).text;
    expect(parse(text)).toEqual({ services: { w: { build: { context: '.', args: { GIVEN: 'g', SET: '1' } } } } });
  });

  it('takes along the build secrets that are used, no others', () => {
    const text = project(
      '  w: { build: { context: ., secrets: [npm, { source: ca }] }, x-release: { role: worker } }',
      {},
      'secrets: { npm: { environment: NPM }, ca: { file: ./ca.pem }, other: { environment: OTHER } }',
    ).text;
    expect((parse(text) as { secrets: unknown }).secrets).toEqual({
      npm: { environment: 'NPM' },
      ca: { file: './ca.pem' },
    });
  });

  it('maps a context from a service with a dot to its target', () => {
    const text = project(
      '  a.b: { build: ., x-release: { role: worker } }\n  w: { build: { context: ., additional_contexts: { base: "service:a.b" } }, x-release: { role: worker } }',
    ).text;
    expect(text).toContain('base: "service:a_b"');
  });

  it('refuses two services with one target name', () => {
    const services =
      '  a.b: { build: ., x-release: { role: worker } }\n  a_b: { build: ., x-release: { role: worker } }';
    expect(() => project(services)).toThrow('service a_b: its build target would be "a_b", as that of service a.b');
  });
});
