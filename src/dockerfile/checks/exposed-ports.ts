import type { ExposeInstruction } from '../instructions.ts';
import type { FindingList } from './finding-list.ts';

/**
 * ExposeProtoCasing and ExposeInvalidFormat. `ports`: the words of the instruction after expansion, in the order in
 * which they are read. Words that are no ports at all are left to the error they will be.
 */
export function checkPorts(
  instruction: ExposeInstruction,
  ports: readonly string[],
  list: FindingList,
): void {
  for (const port of ports) {
    const parts = port.split(':');
    const [number = '', protocol = ''] = parts.at(-1)!.split('/', 2);
    if (number === '' || !/^(?:tcp|udp|sctp)?$/i.test(protocol)) continue;
    if (protocol !== protocol.toLowerCase())
      list.addAt(
        instruction,
        'ExposeProtoCasing',
        `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
      );
    if (parts.slice(0, -1).some((part) => part !== ''))
      list.addAt(
        instruction,
        'ExposeInvalidFormat',
        `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
      );
  }
}
