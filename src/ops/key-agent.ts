import type { Duplex } from 'node:stream';
import type { SshKey } from './ssh-keys.ts';
import { WireReader, wire } from './ssh-wire.ts';

/** draft-miller-ssh-agent, section 5.1: the messages that are known here. */
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

/** What a client may send at once; bytes. As in OpenSSH. */
const LONGEST_MESSAGE = 256 * 1024;

/** Speaks the protocol of SSH agents with one client: lists these keys and signs with them, and does nothing else. */
export function serveKeys(client: Duplex, keys: readonly SshKey[]): void {
  let pending: Buffer = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0);
      if (length > LONGEST_MESSAGE) {
        client.destroy();
        return;
      }
      if (pending.length < 4 + length) return;
      client.write(wire(answerTo(pending.subarray(4, 4 + length), keys)));
      pending = pending.subarray(4 + length);
    }
  });
}

/** The answer to one message. */
export function answerTo(message: Buffer, keys: readonly SshKey[]): Buffer {
  try {
    if (message[0] === REQUEST_IDENTITIES) {
      const count = Buffer.alloc(4);
      count.writeUInt32BE(keys.length);
      const list = keys.flatMap(({ blob }) => [wire(blob), wire('')]);
      return Buffer.concat([Buffer.from([IDENTITIES_ANSWER]), count, ...list]);
    }
    if (message[0] === SIGN_REQUEST) {
      const fields = new WireReader(message.subarray(1));
      const [blob, data, flags] = [fields.bytes(), fields.bytes(), fields.uint32()];
      const key = keys.find((own) => own.blob.equals(blob));
      if (key !== undefined)
        return Buffer.concat([Buffer.from([SIGN_RESPONSE]), wire(key.sign(data, flags))]);
    }
  } catch {
    // Whatever is wrong with a message, the client is told no more than that it is.
  }
  return Buffer.from([FAILURE]);
}
