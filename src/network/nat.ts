import {
  attribute,
  NETLINK_NETFILTER,
  NetlinkSocket,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  nested,
  text,
  u32be,
} from '../linux/netlink-socket.ts';
import { type Ipv4, ipv4Bytes } from './links.ts';

/** nf_tables through netlink: <linux/netfilter/nf_tables.h>. All numbers in attributes are big-endian. */

const NFPROTO_IPV4 = 2;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;

const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_USERDATA = 7;
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;

const NF_INET_POST_ROUTING = 4;
/** NF_IP_PRI_NAT_SRC. */
const PRIORITY_SOURCE_NAT = 100;
const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NF_ACCEPT = 1;

const META_IIFNAME = 6;
const META_OIFNAME = 7;

type Request = { readonly type: number; readonly flags: number; readonly payload: Buffer };

/** struct nfgenmsg. */
function header(resource = 0): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt8(NFPROTO_IPV4, 0);
  buffer.writeUInt16BE(resource, 2);
  return buffer;
}

function message(type: number, flags: number, ...parts: readonly Buffer[]): Request {
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, payload: Buffer.concat([header(), ...parts]) };
}

function transaction(messages: readonly Request[], subject: string): void {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    const frame = (type: number) => ({ type, flags: 0, payload: header(NFNL_SUBSYS_NFTABLES) });
    socket.batch([frame(NFNL_MSG_BATCH_BEGIN), ...messages, frame(NFNL_MSG_BATCH_END)], subject);
  } finally {
    socket.close();
  }
}

const expression = (name: string, ...data: readonly Buffer[]) =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...data));

const value = (type: number, bytes: Uint8Array) => nested(type, attribute(NFTA_DATA_VALUE, bytes));

/** NFTA_META_DREG 1, NFTA_META_KEY 2. */
const loadMeta = (key: number) =>
  expression('meta', attribute(2, u32be(key)), attribute(1, u32be(NFT_REG_1)));

/** NFTA_CMP_SREG 1, OP 2, DATA 3; op 0 is equal, 1 not equal. */
const compare = (operator: 0 | 1, bytes: Uint8Array) =>
  expression('cmp', attribute(1, u32be(NFT_REG_1)), attribute(2, u32be(operator)), value(3, bytes));

/** NFTA_PAYLOAD_DREG 1, BASE 2 (1: network header), OFFSET 3, LEN 4. */
const loadSourceAddress = () =>
  expression(
    'payload',
    attribute(1, u32be(NFT_REG_1)),
    attribute(2, u32be(1)),
    attribute(3, u32be(12)),
    attribute(4, u32be(4)),
  );

/** NFTA_BITWISE_SREG 1, DREG 2, LEN 3, MASK 4, XOR 5. */
const mask = (bytes: Uint8Array) =>
  expression(
    'bitwise',
    attribute(1, u32be(NFT_REG_1)),
    attribute(2, u32be(NFT_REG_1)),
    attribute(3, u32be(4)),
    value(4, bytes),
    value(5, Buffer.alloc(4)),
  );

const accept = () =>
  expression(
    'immediate',
    attribute(1, u32be(NFT_REG_VERDICT)),
    nested(2, nested(NFTA_DATA_VERDICT, attribute(NFTA_VERDICT_CODE, u32be(NF_ACCEPT)))),
  );

/** An interface name as the kernel compares it: 16 bytes with its NULs. */
function interfaceName(name: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name, 'latin1');
  return bytes;
}

/** Source NAT for what leaves `subnet` by another interface than `bridge`, in a table of our own. */
export function installMasquerade(
  table: string,
  bridge: string,
  subnet: { readonly base: Ipv4; readonly prefix: number },
): void {
  const netmask = ipv4Bytes((0xffffffff << (32 - subnet.prefix)) >>> 0);
  const named = attribute(NFTA_TABLE_NAME, text(table));
  transaction(
    [
      message(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, named),
      message(NFT_MSG_DELTABLE, NLM_F_ACK, named),
      message(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, named),
      message(
        NFT_MSG_NEWCHAIN,
        NLM_F_CREATE | NLM_F_ACK,
        attribute(NFTA_CHAIN_TABLE, text(table)),
        attribute(NFTA_CHAIN_NAME, text('postrouting')),
        attribute(NFTA_CHAIN_TYPE, text('nat')),
        nested(
          NFTA_CHAIN_HOOK,
          attribute(NFTA_HOOK_HOOKNUM, u32be(NF_INET_POST_ROUTING)),
          attribute(NFTA_HOOK_PRIORITY, u32be(PRIORITY_SOURCE_NAT)),
        ),
      ),
      rule(table, 'postrouting', NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, [
        loadSourceAddress(),
        mask(netmask),
        compare(0, ipv4Bytes(subnet.base)),
        loadMeta(META_OIFNAME),
        compare(1, interfaceName(bridge)),
        expression('masq'),
      ]),
    ],
    'install address translation',
  );
}

/**
 * Lets traffic of the bridge through where another firewall (Docker's, ufw's) drops what is forwarded by default: an
 * accept in a chain of ours cannot overrule a drop in theirs, so the rules go first into their FORWARD chain.
 */
export function allowForwarding(bridge: string): void {
  const marked = hasForwardRule(bridge);
  if (marked !== false) return;
  const named = interfaceName(bridge);
  const tag = attribute(NFTA_RULE_USERDATA, Buffer.from(userData(bridge)));
  transaction(
    [
      rule(
        'filter',
        'FORWARD',
        NLM_F_CREATE | NLM_F_ACK,
        [loadMeta(META_IIFNAME), compare(0, named), accept()],
        tag,
      ),
      rule(
        'filter',
        'FORWARD',
        NLM_F_CREATE | NLM_F_ACK,
        [loadMeta(META_OIFNAME), compare(0, named), accept()],
        tag,
      ),
    ],
    'allow forwarding',
  );
}

/** Whether our rules are in the FORWARD chain of iptables' filter table; undefined when there is no such chain. */
function hasForwardRule(bridge: string): boolean | undefined {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    const request = message(
      NFT_MSG_GETRULE,
      0,
      attribute(NFTA_RULE_TABLE, text('filter')),
      attribute(NFTA_RULE_CHAIN, text('FORWARD')),
    );
    const dump = { ...request, flags: 0x300 };
    const rules = socket.batch([dump], 'list forward rules');
    return rules.length === 0 ? undefined : rules.some(({ payload }) => payload.includes(userData(bridge)));
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** The comment by which the rules are known again, in nft's user data encoding: type 0 (comment), length, text. */
function userData(bridge: string): Buffer {
  const comment = text(`tsbuild ${bridge}`);
  return Buffer.concat([Buffer.from([0, comment.length]), comment]);
}

function rule(
  table: string,
  chain: string,
  flags: number,
  expressions: readonly Buffer[],
  ...more: readonly Buffer[]
): Request {
  return message(
    NFT_MSG_NEWRULE,
    flags,
    attribute(NFTA_RULE_TABLE, text(table)),
    attribute(NFTA_RULE_CHAIN, text(chain)),
    nested(NFTA_RULE_EXPRESSIONS, ...expressions),
    ...more,
  );
}
