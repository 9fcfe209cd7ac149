import { formatSubnet, type Subnet } from './address.ts';
import {
  accept,
  connectionIsNew,
  destination,
  destinationWasChanged,
  drop,
  inputInterface,
  masquerade,
  outputInterface,
  source,
} from './nft-expressions.ts';
import {
  addTable,
  commit,
  commitOnce,
  deleteRule,
  deleteTable,
  Family,
  insertRule,
  listRules,
  withNetfilter,
} from './nftables.ts';

export interface BridgeRules {
  readonly bridge: string;
  readonly subnets: readonly Subnet[];
  /** Nothing gets in or out. */
  readonly internal: boolean;
  /** What leaves has an address of the host. */
  readonly masquerade: boolean;
}

const tableName = (bridge: string) => `tsbuild-${bridge}`;

/**
 * The table of a bridge, made anew: source NAT for what leaves it; and of what comes from elsewhere only published ports
 * are let in, so that networks do not reach each other, nor neighbours of the host the containers.
 */
export function installBridgeRules({ bridge, subnets, internal, masquerade: hide }: BridgeRules): void {
  const toBridge = [...outputInterface('is', bridge), ...inputInterface('is not', bridge)];
  const forward = internal
    ? [
        [...toBridge, ...drop()],
        [...inputInterface('is', bridge), ...outputInterface('is not', bridge), ...drop()],
      ]
    : [[...toBridge, ...connectionIsNew(), ...destinationWasChanged('is not'), ...drop()]];
  const postrouting = subnets.flatMap((subnet) => [
    // A container that reaches another of its network by a published port: the answer has to come back the same way.
    [...source('is', subnet), ...destination('is', subnet), ...destinationWasChanged('is'), ...masquerade()],
    ...(hide && !internal
      ? [[...source('is', subnet), ...outputInterface('is not', bridge), ...masquerade()]]
      : []),
  ]);
  commitOnce(
    [
      ...deleteTable(Family.inet, tableName(bridge)),
      ...addTable({ family: Family.inet, name: tableName(bridge), chains: { postrouting, forward } }),
    ],
    `install rules for ${subnets.map(formatSubnet).join(', ')}`,
  );
  allowForwarding(bridge);
}

/** Nothing where they are gone. */
export function removeBridgeRules(bridge: string): void {
  commitOnce(deleteTable(Family.inet, tableName(bridge)), `remove rules of ${bridge}`);
  withNetfilter((socket) => {
    for (const family of FILTERS) {
      const ours = listRules(socket, family, 'filter', 'FORWARD').filter((rule) =>
        rule.hasComment(comment(bridge)),
      );
      const requests = ours.map(({ handle }) => deleteRule(family, 'filter', 'FORWARD', handle));
      if (requests.length > 0) commit(socket, requests, 'remove forwarding');
    }
  });
}

/** Of iptables and ip6tables. */
const FILTERS = [Family.ip, Family.ip6];

const comment = (bridge: string) => `tsbuild ${bridge}`;

/**
 * Lets traffic of the bridge through where another firewall (Docker's, ufw's) drops what is forwarded by default: an
 * accept in a chain of ours cannot overrule a drop in theirs, so the rules go first into their FORWARD chain.
 */
function allowForwarding(bridge: string): void {
  withNetfilter((socket) => {
    for (const family of FILTERS) {
      const rules = listRules(socket, family, 'filter', 'FORWARD');
      if (rules.length === 0 || rules.some((rule) => rule.hasComment(comment(bridge)))) continue;
      const insert = (expressions: readonly Buffer[]) =>
        insertRule(family, 'filter', 'FORWARD', expressions, comment(bridge));
      const requests = [
        insert([...inputInterface('is', bridge), ...accept()]),
        insert([...outputInterface('is', bridge), ...accept()]),
      ];
      commit(socket, requests, 'allow forwarding');
    }
  });
}
