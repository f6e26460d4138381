import { NodeSSH } from 'node-ssh';
import ssh2 from 'ssh2';
export const connect = (): unknown => [new NodeSSH(), ssh2.utils.parseKey('x')];
