import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressesOf } from '../src/colour.ts';
import { toContainer, type InspectedContainer } from '../src/container.ts';
import { countEstablished, decodeAddress, expandAddress } from '../src/sockets.ts';
import { drain } from '../src/steps/drain.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

/** The kernel's own way: each 32-bit word as a little-endian number. */
function encode(bytes: number[]): string {
  let text = '';
  for (let word = 0; word < bytes.length; word += 4) {
    text += bytes
      .slice(word, word + 4)
      .reverse()
      .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
      .join('');
  }
  return text;
}

describe('socket tables', () => {
  it('reads addresses as the kernel writes them', () => {
    expect(decodeAddress('0100007F')).toBe('127.0.0.1');
    expect(decodeAddress('030012AC')).toBe('172.18.0.3');
    expect(decodeAddress('0000000000000000FFFF0000030012AC')).toBe('172.18.0.3');
    expect(decodeAddress('000080FE00000000FF5F00000100A8C0')).toBe('fe80:0:0:0:0:5fff:c0a8:1');
  });

  it('reads back every IPv4 address, plain and mapped', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }), (bytes) => {
        const mapped = [...new Array<number>(10).fill(0), 255, 255, ...bytes];
        return decodeAddress(encode(bytes)) === bytes.join('.') && decodeAddress(encode(mapped)) === bytes.join('.');
      }),
    );
  });

  it('knows the IPv6 address of a replica as the kernel writes it', () => {
    expect(expandAddress('fd00::2')).toBe('fd00:0:0:0:0:0:0:2');
    expect(expandAddress('::1')).toBe('0:0:0:0:0:0:0:1');
    expect(expandAddress('2001:0db8:0:0:0:0:0:00ff')).toBe('2001:db8:0:0:0:0:0:ff');
    const inspected = {
      Name: '/web',
      State: {},
      Config: { Labels: null },
      NetworkSettings: { Networks: { edge: { IPAddress: '172.18.0.3', GlobalIPv6Address: 'fd00::2' } } },
    } as unknown as InspectedContainer;
    const remote = addressesOf([toContainer(inspected)]);
    const table = `${HEAD}\n   0: ${encode([0xfd, ...new Array<number>(14).fill(0), 1])}:A1B2 ${encode([0xfd, ...new Array<number>(14).fill(0), 2])}:0BB8 01 0:0\n`;
    expect(countEstablished(table, remote)).toBe(1);
  });

  it('counts established connections to the given replicas and nothing else', () => {
    const table = [
      HEAD,
      '   0: 020012AC:A1B2 030012AC:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1',
      '   1: 020012AC:A1B3 030012AC:0BB8 06 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1',
      '   2: 020012AC:A1B4 040012AC:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1',
      '   3: 020012AC:A1B5 030012AC:0BB9 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 4 30 10 -1',
      '',
    ].join('\n');
    expect(countEstablished(table, new Set(['172.18.0.3']))).toBe(2);
    expect(countEstablished(table, new Set(['172.18.0.3', '172.18.0.4']))).toBe(3);
    expect(countEstablished(`${HEAD}\n`, new Set(['172.18.0.3']))).toBe(0);
  });
});

describe('drain', () => {
  const remote = new Set(['172.18.0.3']);

  it('ends when no connection was seen twice in a row', async () => {
    const seen = [2, 0, 1, 0, 0];
    const { cut } = await drain(remote, 10, () => seen.shift() ?? 0);
    expect(cut).toBe(0);
    expect(seen).toEqual([]);
  });

  it('reports what is left when the time is over', async () => {
    const { cut, ms } = await drain(remote, 0.2, () => 3);
    expect(cut).toBe(3);
    expect(ms).toBeGreaterThanOrEqual(200);
  });

  it('does not wait where nothing ran', async () => {
    expect(await drain(new Set(), 10, () => 1)).toEqual({ cut: 0, ms: 0 });
  });
});
