import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { renderOneOff } from '@delivery/stack';
import { manifestOf, sealSample } from './sample.ts';

describe('renderOneOff', () => {
  const sealed = sealSample();
  const input = { sealed: sealed.text, manifest: manifestOf(sealed), colour: 'green' as const };

  it('is the live service without a name that anything routes to, in a project of its own', () => {
    const { project, service, text } = renderOneOff({ ...input, service: 'web' });
    expect([project, service]).toEqual(['shop-run', 'web-1']);
    const document = parse(text) as {
      name: string;
      services: Record<string, Record<string, unknown>>;
      networks: object;
    };
    expect(document.name).toBe('shop-run');
    expect(Object.keys(document.services)).toEqual(['web-1']);
    const web = document.services['web-1'] ?? {};
    expect(web['environment']).toMatchObject({ SESSION_KEY: '${SESSION_KEY:?is needed}' });
    expect(web['networks']).toEqual({ default: {}, edge: {}, app: {} });
    expect(web['restart']).toBe('no');
    expect(web['depends_on']).toBeUndefined();
    expect(Object.keys(web['labels'] as object).filter((name) => name.startsWith('delivery.'))).toEqual([
      'delivery.run',
    ]);
    expect(document.networks).toEqual({
      default: { external: true, name: '0-shop-green' },
      edge: { external: true, name: 'edge' },
      app: { external: true, name: 'shop' },
    });
  });

  it('refuses a service that the release does not have', () => {
    expect(() => renderOneOff({ ...input, service: 'nope' })).toThrow('service "nope": is not in release');
  });
});
