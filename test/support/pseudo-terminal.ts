import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { O_NOCTTY, O_RDWR, TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ } from '../../src/linux/constants.ts';
import { libc } from '../../src/linux/libc.ts';
import { openMaster } from '../../src/sandbox/pty.ts';
import { windowSize } from '../../src/sandbox/terminal.ts';

/** A command in a terminal of its own, as a person sits before it. */
export class PseudoTerminal {
  readonly #master: number;
  readonly #stream: Duplex;
  readonly child: ChildProcess;
  #output = '';

  private constructor(master: number, stream: Duplex, child: ChildProcess) {
    this.#master = master;
    this.#stream = stream;
    this.child = child;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#output += text;
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
      stream.destroy();
    });
  }

  /** Starts a command; it is killed with the test. Needs setsid(1). */
  static async start(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<PseudoTerminal> {
    const sys = libc();
    const master = sys.open('/dev/ptmx', O_RDWR | O_NOCTTY);
    sys.ioctl(master, TIOCSPTLCK, new Uint8Array(4));
    sys.ioctl(master, TIOCSWINSZ, windowSize(24, 80));
    const slave = sys.ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    const child = spawn('setsid', ['--ctty', '--wait', ...argv], { env, stdio: [slave, slave, slave] });
    closeSync(slave);
    return new PseudoTerminal(master, await openMaster(master, sys), child);
  }

  /** Everything shown so far. */
  get output(): string {
    return this.#output;
  }

  type(keys: string): void {
    this.#stream.write(keys);
  }

  resize(rows: number, columns: number): void {
    libc().ioctl(this.#master, TIOCSWINSZ, windowSize(rows, columns));
  }

  /** Takes the terminal away, as closing its window does. */
  hangUp(): void {
    this.#stream.destroy();
  }

  /** Waits until what is shown matches; throws with what is shown when it does not in time. */
  async until(pattern: RegExp, seconds = 20): Promise<RegExpExecArray> {
    for (let attempt = 0; attempt < seconds * 50; attempt++) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      await delay(20);
    }
    throw new Error(`The terminal does not show ${pattern}: ${JSON.stringify(this.#output)}`);
  }

  /** Types a line and waits for what it is followed by. */
  async line(text: string, pattern: RegExp): Promise<RegExpExecArray> {
    this.#output = '';
    this.type(`${text}\r`);
    return this.until(pattern);
  }

  /** The exit code. */
  async ended(): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }
}
