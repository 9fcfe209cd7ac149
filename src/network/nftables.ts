import {
  attribute,
  attributes,
  NETLINK_NETFILTER,
  type NetlinkMessage,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  nested,
  text,
  u32be,
} from '../linux/netlink-socket.ts';

/** nf_tables through netlink: <linux/netfilter/nf_tables.h>. All numbers in attributes are big-endian. */

/** The families of tables, NFPROTO_*. */
export const Family = { inet: 1, ip: 2, ip6: 10 } as const;

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_DELRULE = 8;

const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_USERDATA = 7;

/** The kernel removes the table when the socket that made it is closed, and lets nobody else change it. */
const NFT_TABLE_F_OWNER = 2;

export interface NftRequest {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** Where packets meet a chain: type, hook (NF_INET_*) and priority (NF_IP_PRI_*). */
export const Hook = {
  prerouting: { type: 'nat', hook: 0, priority: -100 },
  output: { type: 'nat', hook: 3, priority: -100 },
  postrouting: { type: 'nat', hook: 4, priority: 100 },
  forward: { type: 'filter', hook: 2, priority: 0 },
} as const;

/** A table and its chains, whose names are their hooks'. */
export interface Table {
  readonly family: number;
  readonly name: string;
  readonly owned?: boolean;
  readonly chains: { readonly [K in keyof typeof Hook]?: readonly (readonly Buffer[])[] };
}

/** struct nfgenmsg. */
function header(family: number, resource = 0): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt8(family, 0);
  buffer.writeUInt16BE(resource, 2);
  return buffer;
}

function message(family: number, type: number, flags: number, ...parts: readonly Buffer[]): NftRequest {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | type,
    flags,
    payload: Buffer.concat([header(family), ...parts]),
  };
}

/** All of the requests or none of them. Throws `SystemCallError`. */
export function commit(socket: NetlinkSocket, requests: readonly NftRequest[], subject: string): void {
  const frame = (type: number) => ({ type, flags: 0, payload: header(0, NFNL_SUBSYS_NFTABLES) });
  socket.batch([frame(NFNL_MSG_BATCH_BEGIN), ...requests, frame(NFNL_MSG_BATCH_END)], subject);
}

/** {@link commit} on a socket of its own. */
export function commitOnce(requests: readonly NftRequest[], subject: string): void {
  withNetfilter((socket) => commit(socket, requests, subject));
}

export function withNetfilter<T>(body: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}

export function addTable({ family, name, owned = false, chains }: Table): NftRequest[] {
  const flags = NLM_F_CREATE | NLM_F_ACK;
  const make = message(
    family,
    NFT_MSG_NEWTABLE,
    flags,
    attribute(NFTA_TABLE_NAME, text(name)),
    ...(owned ? [attribute(NFTA_TABLE_FLAGS, u32be(NFT_TABLE_F_OWNER))] : []),
  );
  const all = (Object.keys(chains) as (keyof typeof Hook)[]).flatMap((chain) => [
    addChain(family, name, chain),
    ...chains[chain]!.map((expressions) => appendRule(family, name, chain, expressions)),
  ]);
  return [make, ...all];
}

/** Nothing where there is none of that name. */
export function deleteTable(family: number, name: string): NftRequest[] {
  const named = attribute(NFTA_TABLE_NAME, text(name));
  return [
    message(family, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, named),
    message(family, NFT_MSG_DELTABLE, NLM_F_ACK, named),
  ];
}

function addChain(family: number, table: string, name: keyof typeof Hook): NftRequest {
  const { type, hook, priority } = Hook[name];
  return message(
    family,
    NFT_MSG_NEWCHAIN,
    NLM_F_CREATE | NLM_F_ACK,
    attribute(NFTA_CHAIN_TABLE, text(table)),
    attribute(NFTA_CHAIN_NAME, text(name)),
    attribute(NFTA_CHAIN_TYPE, text(type)),
    nested(
      NFTA_CHAIN_HOOK,
      attribute(NFTA_HOOK_HOOKNUM, u32be(hook)),
      attribute(NFTA_HOOK_PRIORITY, u32be(priority)),
    ),
  );
}

export function appendRule(
  family: number,
  table: string,
  chain: string,
  expressions: readonly Buffer[],
): NftRequest {
  const flags = NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK;
  return message(family, NFT_MSG_NEWRULE, flags, ...ruleBody(table, chain, expressions));
}

/** At the head of the chain, with a comment by which it is known again. */
export function insertRule(
  family: number,
  table: string,
  chain: string,
  expressions: readonly Buffer[],
  comment: string,
): NftRequest {
  const flags = NLM_F_CREATE | NLM_F_ACK;
  const tag = attribute(NFTA_RULE_USERDATA, userData(comment));
  return message(family, NFT_MSG_NEWRULE, flags, ...ruleBody(table, chain, expressions), tag);
}

const ruleBody = (table: string, chain: string, expressions: readonly Buffer[]) => [
  attribute(NFTA_RULE_TABLE, text(table)),
  attribute(NFTA_RULE_CHAIN, text(chain)),
  nested(NFTA_RULE_EXPRESSIONS, ...expressions),
];

export function deleteRule(family: number, table: string, chain: string, handle: Buffer): NftRequest {
  return message(
    family,
    NFT_MSG_DELRULE,
    NLM_F_ACK,
    attribute(NFTA_RULE_TABLE, text(table)),
    attribute(NFTA_RULE_CHAIN, text(chain)),
    attribute(NFTA_RULE_HANDLE, handle),
  );
}

export interface ListedRule {
  readonly handle: Buffer;
  hasComment(comment: string): boolean;
}

/** Empty also where there is no such chain. */
export function listRules(
  socket: NetlinkSocket,
  family: number,
  table: string,
  chain: string,
): readonly ListedRule[] {
  const body = [attribute(NFTA_RULE_TABLE, text(table)), attribute(NFTA_RULE_CHAIN, text(chain))];
  const { type, payload } = message(family, NFT_MSG_GETRULE, 0, ...body);
  let rules: readonly NetlinkMessage[];
  try {
    rules = socket.dump(type, payload, 'list rules');
  } catch {
    return [];
  }
  return rules.map((rule) => ({
    handle: attributeOf(rule.payload, NFTA_RULE_HANDLE),
    hasComment: (comment) => attributeOf(rule.payload, NFTA_RULE_USERDATA).equals(userData(comment)),
  }));
}

function attributeOf(payload: Buffer, type: number): Buffer {
  return attributes(payload, 4).get(type) ?? Buffer.alloc(0);
}

/** nft's encoding of user data: type 0 (comment), length, text. */
function userData(comment: string): Buffer {
  const bytes = text(comment);
  return Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
}
