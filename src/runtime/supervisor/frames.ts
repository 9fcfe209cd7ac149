/**
 * What travels over the socket of a supervisor: frames of a type (one byte), a length (four bytes, big endian), and so
 * many bytes. The client begins with `hello`.
 */
export const FrameType = {
  /** From the client, as JSON: {@link Hello}. */
  hello: 0,
  /** From the client: bytes for standard input. */
  stdin: 1,
  /** From the client: standard input ends. */
  stdinEnd: 2,
  /** From the client, as JSON: `{ rows, columns }`. */
  resize: 3,
  /** From the supervisor: bytes of the container's output. */
  stdout: 4,
  stderr: 5,
  /** From the supervisor, as JSON: `{ code }`. The last one. */
  exit: 6,
  /** From the client: the container's terminal is to be taken away. */
  hangUp: 7,
} as const;

/** What a client wants. `wake` ends a wait for the next start; nothing follows it. */
export type Hello =
  | { readonly want: 'attach'; readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  | { readonly want: 'wake' };

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

const HEADER = 5;
/** Nobody who keeps to the protocol sends more at once. */
const LARGEST = 16 * 1024 * 1024;

export function frame(type: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + payload.length);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32BE(payload.length, 1);
  bytes.set(payload, HEADER);
  return bytes;
}

export function jsonFrame(type: number, value: unknown): Buffer {
  return frame(type, Buffer.from(JSON.stringify(value)));
}

/** Puts frames together from the pieces that come. Throws for one that is too large. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEADER) {
      const length = this.#rest.readUInt32BE(1);
      if (length > LARGEST) throw new Error(`Cannot read a frame of ${length} bytes`);
      if (this.#rest.length < HEADER + length) return;
      const type = this.#rest.readUInt8(0);
      const payload = this.#rest.subarray(HEADER, HEADER + length);
      this.#rest = this.#rest.subarray(HEADER + length);
      yield { type, payload };
    }
  }
}
