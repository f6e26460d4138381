// JavaScript, as jest's configuration is: the sequencer's types describe another module than the one that Node loads.
import { statSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/**
 * Largest file first, as jest has it on a machine that never ran the tests. Elsewhere jest goes by what failed and how long it took
 * there, and files that share a host would meet each other's leavings in an order that no other machine has.
 */
export default class TestOrder extends Sequencer {
  sort(tests) {
    const size = ({ path }) => statSync(path).size;
    return tests.toSorted((a, b) => size(b) - size(a) || (a.path < b.path ? -1 : 1));
  }
}
