import { closeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NETLINK_ROUTE, NetlinkSocket, newNetworkNamespace } from '../../../src/linux/netlink-socket.ts';
import { parseIp } from '../../../src/network/address.ts';
import { LOOPBACK, linkUp } from '../../../src/network/links.ts';
import { newAddress, newDefaultRoute } from '../../../src/network/routes.ts';

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log('skipped: network namespaces can be made by root only');

/** What requests on the loopback interface of a new namespace fail with, all sent at once. */
function failure(...requests: Parameters<NetlinkSocket['batch']>[0]): unknown {
  const { fd, result } = newNetworkNamespace(() => {
    const socket = new NetlinkSocket(NETLINK_ROUTE);
    try {
      socket.batch(requests);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      socket.close();
    }
  });
  closeSync(fd);
  return result;
}

test.skipIf(!isRoot)('newAddress() and newDefaultRoute() are named in errors, sent with others', () => {
  const [one, other] = [parseIp('10.9.8.7')!, parseIp('10.9.8.6')!];
  const add = (address: typeof one) => newAddress(LOOPBACK, address, 24);
  expect(failure(linkUp(LOOPBACK), add(other), add(one))).toBeUndefined();
  expect(failure(linkUp(LOOPBACK), add(other), add(one), add(one))).toMatchObject({
    code: 'EEXIST',
    message: expect.stringContaining('netlink add address 10.9.8.7'),
  });
  expect(failure(linkUp(LOOPBACK), newDefaultRoute(LOOPBACK, one))).toMatchObject({
    message: expect.stringContaining('netlink add default route by 10.9.8.7'),
  });
});
