import { endianness } from 'node:os';
import { attribute, nested, text, u32be } from '../linux/netlink-socket.ts';
import { addressIn, bitsOf, type IpAddress, ipBytes, type Subnet } from './address.ts';

/**
 * What rules are made of: expressions that load a register, compare it, and act. <linux/netfilter/nf_tables.h>; each
 * function gives the expressions of one condition or action, so that a rule is their list.
 */

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;

const NFT_REG_VERDICT = 0;
const NFT_REG_1 = 1;
const NFT_REG_2 = 2;
const NF_DROP = 0;
const NF_ACCEPT = 1;

const expression = (name: string, ...data: readonly Buffer[]) =>
  nested(NFTA_LIST_ELEM, attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, ...data));

const value = (type: number, bytes: Uint8Array) => nested(type, attribute(NFTA_DATA_VALUE, bytes));

/** NFTA_META_DREG 1, NFTA_META_KEY 2. */
const loadMeta = (key: number) =>
  expression('meta', attribute(2, u32be(key)), attribute(1, u32be(NFT_REG_1)));

const META_IIFNAME = 6;
const META_OIFNAME = 7;
const META_NFPROTO = 15;
const META_L4PROTO = 16;

type Operator = 'is' | 'is not';

/** NFTA_CMP_SREG 1, OP 2 (0: equal, 1: not equal), DATA 3. */
const compare = (operator: Operator, bytes: Uint8Array) =>
  expression(
    'cmp',
    attribute(1, u32be(NFT_REG_1)),
    attribute(2, u32be(operator === 'is' ? 0 : 1)),
    value(3, bytes),
  );

/** NFTA_PAYLOAD_DREG 1, BASE 2 (1: network header, 2: transport header), OFFSET 3, LEN 4. */
const loadPayload = (base: 1 | 2, offset: number, length: number) =>
  expression(
    'payload',
    attribute(1, u32be(NFT_REG_1)),
    attribute(2, u32be(base)),
    attribute(3, u32be(offset)),
    attribute(4, u32be(length)),
  );

/** NFTA_BITWISE_SREG 1, DREG 2, LEN 3, MASK 4, XOR 5. */
const mask = (bytes: Uint8Array) =>
  expression(
    'bitwise',
    attribute(1, u32be(NFT_REG_1)),
    attribute(2, u32be(NFT_REG_1)),
    attribute(3, u32be(bytes.length)),
    value(4, bytes),
    value(5, Buffer.alloc(bytes.length)),
  );

/** NFTA_IMMEDIATE_DREG 1, DATA 2. */
const immediate = (register: number, bytes: Uint8Array) =>
  expression('immediate', attribute(1, u32be(register)), value(2, bytes));

const verdict = (code: number) => [
  expression(
    'immediate',
    attribute(1, u32be(NFT_REG_VERDICT)),
    nested(2, nested(NFTA_DATA_VERDICT, attribute(NFTA_VERDICT_CODE, u32be(code)))),
  ),
];

export const accept = () => verdict(NF_ACCEPT);
export const drop = () => verdict(NF_DROP);
export const masquerade = () => [expression('masq')];

/** An interface name as the kernel compares it: 16 bytes with its NULs. */
function interfaceName(name: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name, 'latin1');
  return bytes;
}

export const inputInterface = (operator: Operator, name: string) => [
  loadMeta(META_IIFNAME),
  compare(operator, interfaceName(name)),
];

export const outputInterface = (operator: Operator, name: string) => [
  loadMeta(META_OIFNAME),
  compare(operator, interfaceName(name)),
];

/** In a table for both families: which one the packet is of. */
const familyIs = (family: 4 | 6) => [loadMeta(META_NFPROTO), compare('is', Buffer.from([nfproto(family)]))];

/** NFPROTO_IPV4, NFPROTO_IPV6. */
const nfproto = (family: 4 | 6) => (family === 4 ? 2 : 10);

/** Offsets of struct iphdr and struct ipv6hdr. */
const OFFSETS = { 4: { source: 12, destination: 16 }, 6: { source: 8, destination: 24 } } as const;

const addressMatches =
  (which: 'source' | 'destination') =>
  (operator: Operator, { family, base, prefix }: Subnet) => {
    const length = bitsOf(family) / 8;
    const ones = addressIn({ family, base: 0n, prefix: 0 }, -1).value;
    const shift = BigInt(bitsOf(family) - prefix);
    return [
      ...familyIs(family),
      loadPayload(1, OFFSETS[family][which], length),
      ...(shift === 0n ? [] : [mask(ipBytes({ family, value: (ones >> shift) << shift }))]),
      compare(operator, ipBytes({ family, value: base })),
    ];
  };

export const source = addressMatches('source');
export const destination = addressMatches('destination');

/** IPPROTO_*. */
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;
export type Protocol = keyof typeof PROTOCOLS;

const portBytes = (port: number) => Buffer.from([port >> 8, port & 255]);

export const destinationPort = (protocol: Protocol, port: number) => [
  loadMeta(META_L4PROTO),
  compare('is', Buffer.from([PROTOCOLS[protocol]])),
  loadPayload(2, 2, 2),
  compare('is', portBytes(port)),
];

/** NFTA_NAT_TYPE 1 (1: destination), FAMILY 2, REG_ADDR_MIN 3, REG_PROTO_MIN 5. */
export const changeDestination = (address: IpAddress, port: number) => [
  immediate(NFT_REG_1, ipBytes(address)),
  immediate(NFT_REG_2, portBytes(port)),
  expression(
    'nat',
    attribute(1, u32be(1)),
    attribute(2, u32be(nfproto(address.family))),
    attribute(3, u32be(NFT_REG_1)),
    attribute(5, u32be(NFT_REG_2)),
  ),
];

/** Some numbers are compared in the machine's byte order. */
const native = (number: number) => {
  const bytes = Buffer.alloc(4);
  if (endianness() === 'LE') bytes.writeUInt32LE(number);
  else bytes.writeUInt32BE(number);
  return bytes;
};

/** The address is one of the host's. NFTA_FIB_DREG 1, RESULT 2 (3: address type), FLAGS 3 (2: destination). RTN_LOCAL. */
export const destinationIsLocal = () => [
  expression('fib', attribute(1, u32be(NFT_REG_1)), attribute(2, u32be(3)), attribute(3, u32be(2))),
  compare('is', native(2)),
];

/** NFTA_CT_DREG 1, KEY 2. */
const loadConnection = (key: number) =>
  expression('ct', attribute(1, u32be(NFT_REG_1)), attribute(2, u32be(key)));

const CT_STATE = 0;
const CT_STATUS = 2;
const STATE_ESTABLISHED_RELATED = 2 | 4;
const STATUS_DESTINATION_CHANGED = 1 << 5;

/** A packet that does not belong to a connection that was let through. */
export const connectionIsNew = () => [
  loadConnection(CT_STATE),
  mask(native(STATE_ESTABLISHED_RELATED)),
  compare('is', native(0)),
];

export const destinationWasChanged = (operator: Operator) => [
  loadConnection(CT_STATUS),
  mask(native(STATUS_DESTINATION_CHANGED)),
  compare(operator, native(STATUS_DESTINATION_CHANGED)),
];
