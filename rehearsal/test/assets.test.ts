import { describe, expect, it } from '@jest/globals';
import { expectCode } from './expect.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

/** The script of the page as visitors have it now, and its text. */
async function openPage(): Promise<{ script: string; text: string }> {
  const page = await stage.get('/page');
  const script = /src="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const { status, text } = await stage.get(script);
  expect(status).toBe(200);
  return { script, text };
}

describe('a page that stays open', () => {
  it('finds its hashed files after a deploy, and after a rollback', async () => {
    await stage.running('v1');
    const before = await openPage();
    expect(before.text).toBe("window.version = 'v1';");

    await stage.running('v2');
    const after = await openPage();
    expect(after.text).toBe("window.version = 'v2';");
    expect(after.script).not.toBe(before.script);
    expect(await stage.get(before.script)).toMatchObject({ status: 200, text: before.text });

    expectCode(await stage.rollback(), 0);
    expect(await openPage()).toEqual(before);
    expect(await stage.get(after.script)).toMatchObject({ status: 200, text: after.text });
    expect(await stage.vpsShell('docker exec web sh -c "touch static/x 2>&1 || true"')).toMatch(/read-only/i);
  }, 400_000);
});
