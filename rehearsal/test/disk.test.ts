import { afterEach, describe, expect, it } from '@jest/globals';
import { errorLine, expectCode, expectNoDrop } from './expect.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();
/** Where dockerd puts what it is pulling; a file system of 1 MiB over it makes the disk full for a layer of 5 MB. */
const DOWNLOADS = '/var/lib/docker/tmp';

describe('the disk is full while pulling', () => {
  afterEach(async () => {
    await stage.vps('umount', DOWNLOADS);
  });

  it('says so, the site serves on, and the next run works', async () => {
    const before = await stage.running('v1');
    const wanted = await stage.build('disk', { LAYER_MB: '5' });
    await stage.vpsShell(`mount -t tmpfs -o size=1m tmpfs ${DOWNLOADS}`);
    const load = await stage.load('get');
    const refused = await stage.deployRelease(wanted.release);
    const report = await load.stop();
    expectCode(refused, 1);
    expect(errorLine(refused)).toMatch(/no space left|disk (is )?full|out of space/i);
    expect(refused.outputs['running-release']).toContain(before.releaseId);
    expectNoDrop(report);
    await stage.vpsShell(`umount ${DOWNLOADS}`);
    const next = await stage.deployRelease(wanted.release);
    expectCode(next, 0);
    expect((await stage.status()).running?.release).toBe(wanted.releaseId);
  }, 300_000);
});
