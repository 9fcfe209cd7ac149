import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ExitStatus, RunningProcess } from '../../sandbox/sandbox.ts';
import type { LogFile, OutputName } from '../logs/log-file.ts';
import { FrameType, frame, jsonFrame } from './frames.ts';

/** Somebody who is attached to a container. */
export interface Attachment {
  readonly socket: Socket;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** So much may wait for one who reads slowly; then the container waits too. */
const MOST_WAITING = 1024 * 1024;

/** How long what a container has handed its output to may keep that open after its end: as long as Docker waits. */
const LAST_OUTPUT_MS = 2000;

/** Between a container's streams, its log, and those who are attached. */
export class ContainerStreams {
  readonly #log: LogFile | undefined;
  readonly #attached = new Set<Attachment>();
  readonly #first: Promise<void>;
  #announceFirst: () => void = () => {};
  #process: RunningProcess | undefined;
  #sources: readonly Readable[] = [];
  /** The container has ended: it waits for nobody any more. */
  #isOver = false;
  /** What those who are attached have done before it runs. */
  readonly #early: (() => void)[] = [];
  #size: { readonly rows: number; readonly columns: number } | undefined;
  #logged: Promise<unknown> = Promise.resolve();

  constructor(log: LogFile | undefined) {
    this.#log = log;
    this.#first = new Promise((resolve) => {
      this.#announceFirst = resolve;
    });
  }

  /** When somebody is attached. */
  get firstAttached(): Promise<void> {
    return this.#first;
  }

  attach(attachment: Attachment): void {
    this.#attached.add(attachment);
    attachment.socket.on('drain', () => this.#flow());
    this.#announceFirst();
  }

  detach(attachment: Attachment): void {
    this.#attached.delete(attachment);
    this.#flow();
  }

  /** From now on these are the container's streams. */
  connect(process: RunningProcess): void {
    this.#process = process;
    this.#isOver = false;
    const { stdout, stderr, terminal } = process;
    this.#sources = [stdout, stderr, terminal].filter((stream) => stream !== undefined);
    if (this.#size) process.resize(this.#size.rows, this.#size.columns);
    for (const act of this.#early.splice(0)) act();
    this.#logged = Promise.all([this.#relay('stdout', terminal ?? stdout), this.#relay('stderr', stderr)]);
    const finish = () => this.#finishReading();
    void process.ended.then(finish, finish);
  }

  /**
   * Bytes for the container; they wait for its start, and are lost when it does not listen. Answers whether more may
   * come at once, else `whenDrained` will say.
   */
  input(bytes: Buffer, whenDrained: () => void): boolean {
    if (this.#process === undefined) {
      this.#early.push(() => {
        if (this.input(bytes, whenDrained)) whenDrained();
      });
      return false;
    }
    const stream = this.#input();
    if (stream === undefined || stream.destroyed || stream.writableEnded) return true;
    if (stream.write(bytes)) return true;
    stream.once('drain', whenDrained);
    return false;
  }

  /** Of a pipe; a terminal has no end but a key that means it. */
  endInput(): void {
    if (this.#process === undefined) this.#early.push(() => this.endInput());
    else this.#process.stdin?.end();
  }

  /** Of the terminal; one that has none yet gets it with this size. */
  resize(rows: number, columns: number): void {
    this.#size = { rows, columns };
    this.#process?.resize(rows, columns);
  }

  /** Takes its terminal away. */
  hangUp(): void {
    this.#process?.terminal?.destroy();
  }

  /** All that it has put out is in the log, and handed on. */
  async ended(): Promise<void> {
    await this.#logged;
    this.#process = undefined;
    this.#sources = [];
  }

  /** Tells all who are attached how it ended; resolves when they have been told. */
  async dismiss({ code }: Pick<ExitStatus, 'code'>): Promise<void> {
    const attached = [...this.#attached];
    this.#attached.clear();
    await Promise.all(attached.map(({ socket }) => endWith(socket, jsonFrame(FrameType.exit, { code }))));
  }

  #input(): Writable | undefined {
    return this.#process?.terminal ?? this.#process?.stdin;
  }

  #relay(name: OutputName, stream: Readable | undefined): Promise<void> {
    if (stream === undefined) return Promise.resolve();
    stream.on('data', (chunk: Buffer) => {
      this.#log?.write(name, chunk);
      const sent = this.#attached.size === 0 ? undefined : frame(FrameType[name], chunk);
      for (const attachment of this.#attached) if (attachment[name]) attachment.socket.write(sent!);
      this.#flow();
    });
    return new Promise((resolve) => {
      stream.once('close', () => {
        this.#log?.end(name);
        resolve();
      });
    });
  }

  /** Neither one who does not read nor one who still could write keeps what has ended from being over. */
  async #finishReading(): Promise<void> {
    this.#isOver = true;
    this.#flow();
    const sources = this.#sources;
    const timer = setTimeout(() => {
      for (const source of sources) source.destroy();
    }, LAST_OUTPUT_MS);
    await this.#logged;
    clearTimeout(timer);
  }

  #flow(): void {
    const isFull =
      !this.#isOver && [...this.#attached].some(({ socket }) => socket.writableLength > MOST_WAITING);
    for (const source of this.#sources) {
      if (isFull) source.pause();
      else if (source.isPaused()) source.resume();
    }
  }
}

/** How long one who does not read may keep the supervisor from ending. */
const FAREWELL_MS = 2000;

function endWith(socket: Socket, last: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (socket.destroyed) {
      clearTimeout(timer);
      resolve();
    } else socket.end(last);
  });
}
