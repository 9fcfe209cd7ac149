import { expect, onTestFinished, test } from 'vitest';
import { NETLINK_ROUTE, NetlinkSocket } from '../../../src/linux/netlink-socket.ts';
import { type BridgePlan, ensureBridge, removeBridge } from '../../../src/network/bridge.ts';
import { addBridge, deleteLink, findLink } from '../../../src/network/links.ts';

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log('skipped: bridges can be made by root only');

test.skipIf(!isRoot)('removeBridge() removes a bridge that we made, but not one of somebody else', () => {
  const plan: BridgePlan = { name: `tsb${process.pid}`, internal: true, masquerade: false };
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  const isThere = () => findLink(socket, plan.name) !== undefined;
  onTestFinished(() => {
    if (isThere()) deleteLink(socket, plan.name);
    socket.close();
  });
  ensureBridge(socket, plan);
  removeBridge(socket, plan.name);
  expect(isThere()).toBe(false);
  addBridge(socket, plan.name);
  ensureBridge(socket, plan);
  removeBridge(socket, plan.name);
  expect(isThere()).toBe(true);
});
