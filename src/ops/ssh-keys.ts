import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { WireReader, wire } from './ssh-wire.ts';

/** A private key that signs for an SSH client. RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709. */
export interface SshKey {
  /** The public key as SSH writes it. */
  readonly blob: Buffer;
  /** `flags` of the agent's protocol say which hash an RSA key takes. */
  sign(data: Buffer, flags: number): Buffer;
}

const CURVES: Readonly<
  Record<string, { readonly name: string; readonly hash: string; readonly size: number }>
> = {
  'P-256': { name: 'nistp256', hash: 'sha256', size: 32 },
  'P-384': { name: 'nistp384', hash: 'sha384', size: 48 },
  'P-521': { name: 'nistp521', hash: 'sha512', size: 66 },
};

/** Agent protocol, "Signature flags". */
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/**
 * Reads a private key: OpenSSH's own format, or PEM. Throws Error for one that a passphrase protects, and for what is no
 * key of a kind that OpenSSH has.
 */
export function parseSshKey(text: string): SshKey {
  if (/^Proc-Type: 4,ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/m.test(text)) throw encrypted();
  const own = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  try {
    const key =
      own === null ? createPrivateKey(text) : createPrivateKey(openSshKey(Buffer.from(own[1]!, 'base64')));
    return sshKey(key);
  } catch (error) {
    if (error instanceof KeyProblem) throw error;
    throw new KeyProblem('it is no private key that can be read', { cause: error });
  }
}

class KeyProblem extends Error {}

function encrypted(): KeyProblem {
  return new KeyProblem('a passphrase protects it: add it to an agent with ssh-add, and give the agent');
}

/** openssh/PROTOCOL.key: the one key in it, as Node takes it. */
function openSshKey(bytes: Buffer): { readonly key: JsonWebKey; readonly format: 'jwk' } {
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic)
    throw new KeyProblem('it is no private key of OpenSSH');
  const outer = new WireReader(bytes.subarray(magic.length));
  if (outer.text() !== 'none') throw encrypted();
  outer.bytes();
  outer.bytes();
  if (outer.uint32() !== 1) throw new KeyProblem('it holds several keys');
  outer.bytes();
  const inner = new WireReader(outer.bytes());
  inner.uint32();
  inner.uint32();
  const type = inner.text();
  return { key: jwkOf(type, inner), format: 'jwk' };
}

function jwkOf(type: string, fields: WireReader): JsonWebKey {
  if (type === 'ssh-ed25519') {
    const x = fields.bytes();
    return { kty: 'OKP', crv: 'Ed25519', x: url(x), d: url(fields.bytes().subarray(0, 32)) };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => fields.integer()) as Six;
    return {
      kty: 'RSA',
      n: url(n),
      e: url(e),
      d: url(d),
      p: url(p),
      q: url(q),
      qi: url(qi),
      dp: rest(d, p),
      dq: rest(d, q),
    };
  }
  const [crv, curve] = Object.entries(CURVES).find(([, { name }]) => type === `ecdsa-sha2-${name}`) ?? [];
  if (crv === undefined || curve === undefined)
    throw new KeyProblem(`keys of type ${type} are not supported`);
  fields.bytes();
  const point = fields.bytes();
  const d = Buffer.concat([Buffer.alloc(curve.size), fields.integer()]).subarray(-curve.size);
  const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)];
  return { kty: 'EC', crv, x: url(x), y: url(y), d: url(d) };
}

type Six = [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];

/** `d mod (prime - 1)`, which OpenSSH does not write. */
function rest(d: Buffer, prime: Buffer): string {
  const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
  const hex = (number(d) % (number(prime) - 1n)).toString(16);
  return url(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
}

function sshKey(key: KeyObject): SshKey {
  const jwk = key.export({ format: 'jwk' });
  const field = (name: 'n' | 'e' | 'x' | 'y') => Buffer.from(jwk[name] ?? '', 'base64url');
  if (jwk.kty === 'RSA') {
    const blob = Buffer.concat([wire('ssh-rsa'), wire.integer(field('e')), wire.integer(field('n'))]);
    return { blob, sign: (data, flags) => signRsa(key, data, flags) };
  }
  if (jwk.crv === 'Ed25519') {
    const blob = Buffer.concat([wire('ssh-ed25519'), wire(field('x'))]);
    return { blob, sign: (data) => Buffer.concat([wire('ssh-ed25519'), wire(sign(null, data, key))]) };
  }
  const curve = CURVES[jwk.crv ?? ''];
  if (curve === undefined) throw new KeyProblem('it is of no kind that OpenSSH has');
  const type = `ecdsa-sha2-${curve.name}`;
  const point = Buffer.concat([Buffer.from([4]), field('x'), field('y')]);
  return {
    blob: Buffer.concat([wire(type), wire(curve.name), wire(point)]),
    sign(data) {
      const pair = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const halves = [pair.subarray(0, curve.size), pair.subarray(curve.size)];
      return Buffer.concat([wire(type), wire(Buffer.concat(halves.map((half) => wire.integer(half))))]);
    },
  };
}

function signRsa(key: KeyObject, data: Buffer, flags: number): Buffer {
  if (flags & RSA_SHA2_512) return Buffer.concat([wire('rsa-sha2-512'), wire(sign('sha512', data, key))]);
  if (flags & RSA_SHA2_256) return Buffer.concat([wire('rsa-sha2-256'), wire(sign('sha256', data, key))]);
  return Buffer.concat([wire('ssh-rsa'), wire(sign('sha1', data, key))]);
}

function url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
