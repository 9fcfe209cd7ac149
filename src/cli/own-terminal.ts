import { terminalModes, windowSize } from '../index.ts';

/** A process with a terminal of its own. */
export interface OnTerminal {
  readonly terminal?: NodeJS.ReadWriteStream;
  resize(rows: number, columns: number): void;
}

/** Shows a process' terminal on ours, and gives it our size and, on demand, our keys, until the answer is called. */
export function connectTerminal(
  subject: OnTerminal,
  { keyboard }: { readonly keyboard: boolean },
): () => void {
  const terminal = subject.terminal!;
  const release = keyboard ? takeKeyboard(terminal) : undefined;
  const resize = () => {
    const { rows, columns } = terminalSize();
    subject.resize(rows, columns);
  };
  process.on('SIGWINCH', resize);
  // It may have changed while the process was being started.
  resize();
  pump(terminal, process.stdout);
  return () => {
    process.off('SIGWINCH', resize);
    release?.();
  };
}

/** Of our terminal, wherever it is; what a container without one gets otherwise. */
export function terminalSize(): { readonly rows: number; readonly columns: number } {
  const stream = [process.stdout, process.stdin, process.stderr].find(({ isTTY }) => isTTY);
  return (stream && windowSize(stream.fd)) ?? { rows: 24, columns: 80 };
}

/**
 * Gives our standard input to a process. By hand where a stream ends: for that, pipe() looks at `process.stdout`, and
 * with the first look Node makes it non-blocking, also for the container that has the same pipe: it would lose output.
 */
export function feed(to: NodeJS.WritableStream): void {
  process.stdin.pipe(to, { end: false });
  process.stdin.once('end', () => to.end());
}

export function pump(from: NodeJS.ReadableStream, to: NodeJS.WritableStream): void {
  to.on('error', () => (from as NodeJS.ReadableStream & { destroy(): void }).destroy());
  from.pipe(to, { end: false });
}

/** Every key goes to the process, also those that mean signals. The answer puts our terminal back as it was. */
function takeKeyboard(terminal: NodeJS.WritableStream): () => void {
  const modes = terminalModes(process.stdin.fd);
  const restore = () => modes?.restore();
  // A shell that stopped this process has put back its own modes.
  const again = () => modes?.makeRaw();
  process.on('exit', restore);
  process.on('SIGCONT', again);
  again();
  process.stdin.on('error', () => {}); // the terminal is gone: the signal that says so is the relay's business
  process.stdin.pipe(terminal);
  return () => {
    process.stdin.unpipe(terminal);
    process.stdin.destroy();
    process.off('SIGCONT', again);
    process.off('exit', restore);
    restore();
  };
}
