import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { attributes, NETLINK_NETFILTER, NetlinkSocket } from '../../src/linux/netlink-socket.ts';

const NFT_MSG_GETTABLE = (10 << 8) | 1;
const NFTA_TABLE_NAME = 1;

/** Names of the nftables tables of this host, of every family. */
function tables(): readonly string[] {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    return socket
      .dump(NFT_MSG_GETTABLE, Buffer.alloc(4), 'list tables')
      .map(({ payload }) =>
        attributes(payload, 4).get(NFTA_TABLE_NAME)!.toString('latin1').replace('\0', ''),
      );
  } finally {
    socket.close();
  }
}

/** The rules of a container that publishes ports are gone, or go in a moment. */
export async function expectNoRules(containerId: string): Promise<void> {
  const left = () => tables().filter((name) => name === `tsbuild-port-${containerId.slice(0, 12)}`);
  for (let attempt = 0; attempt < 200 && left().length > 0; attempt++) await delay(50);
  expect(left()).toEqual([]);
}

/** Tables of rules of containers of anybody, by name. */
export function traces(): readonly string[] {
  return tables().filter((name) => name.startsWith('tsbuild-port-'));
}
