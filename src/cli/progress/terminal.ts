import { describeWarnings, type ProgressEvent, type StatusEvent, type WarningEvent } from '../../index.ts';
import { visible } from '../../text/visible.ts';
import { displayWidth, fitTo, printable } from '../format/display-width.ts';
import { LiveRegion, type Screen } from './live-region.ts';
import { cachedText, statusText } from './status-text.ts';
import { isCanceled, LogLines, type Step, Steps, seconds } from './steps.ts';
import { type Outcome, outcomeText, type ProgressView, type ViewOptions } from './view.ts';

/** How often the live part is redrawn. */
const FRAME_MS = 100;
/** Lines of output shown below a running step, where there is room. */
const LOG_LINES = 6;

const style = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const dim = style(2);
const red = style(31);
const green = style(32);

/**
 * A live view: finished steps scroll away above as lines of their own, in full; running ones are redrawn below with
 * what they transfer, their last lines of output and the time they have taken.
 */
export function terminalView(screen: Screen, options: ViewOptions): ProgressView {
  return new TerminalView(screen, options);
}

class TerminalView implements ProgressView {
  readonly #region: LiveRegion;
  readonly #steps = new Steps();
  readonly #known = new Set<string>();
  readonly #lines = new LogLines();
  readonly #tails = new Map<string, readonly string[]>();
  readonly #transfers = new Map<string, StatusEvent>();
  readonly #warnings: WarningEvent[] = [];
  readonly #begun = Date.now();
  readonly #timer: NodeJS.Timeout;
  #ended = 0;

  constructor(
    readonly screen: Screen,
    readonly options: ViewOptions,
  ) {
    this.#region = new LiveRegion(screen);
    this.#timer = setInterval(() => this.#draw([]), FRAME_MS);
    this.#timer.unref();
  }

  show(event: ProgressEvent): void {
    switch (event.kind) {
      case 'warning':
        this.#warnings.push(event);
        break;
      case 'log': {
        const tail = [...(this.#tails.get(event.vertex) ?? []), ...this.#lines.add(event)];
        this.#tails.set(event.vertex, tail.slice(-LOG_LINES));
        break;
      }
      case 'status':
        if (event.completed === undefined) this.#transfers.set(event.id, event);
        else this.#transfers.delete(event.id);
        break;
      case 'vertex': {
        this.#known.add(event.digest);
        if (event.started === undefined) break;
        const { step } = this.#steps.update(event);
        if (event.completed === undefined) break;
        this.#ended++;
        this.#draw([finished(step)]);
      }
    }
  }

  finish(outcome?: Outcome): void {
    clearInterval(this.#timer);
    const took = seconds(this.#begun, Date.now());
    const result = outcome === undefined ? [] : [`${green(' =>')} ${outcomeText(outcome)}`];
    this.#region.draw([...result, dim(`${took} in all`)], []);
    this.screen.write(describeWarnings(this.#warnings, this.options));
  }

  #draw(permanent: readonly string[]): void {
    this.#region.draw(permanent, this.#live(), (line) => (/^ (=> =>|\[\+\])/.test(line) ? dim(line) : line));
  }

  /** The lines of the live part: none when nothing is under way, and never more than the screen has. */
  #live(): readonly string[] {
    const now = Date.now();
    const running = [...this.#steps.all()].filter(({ vertex }) => vertex.completed === undefined);
    const transfers = [...this.#transfers.values()];
    if (running.length === 0 && transfers.length === 0) return [];
    const room = this.#region.rows - 2;
    const shown = running.slice(-Math.max(1, room - transfers.length));
    const logs = Math.max(
      0,
      Math.floor((room - shown.length - transfers.length) / Math.max(1, shown.length)),
    );
    const of = (digest: string) => transfers.filter(({ vertex }) => vertex === digest);
    const stray = transfers.filter(({ vertex }) => !shown.some((step) => step.vertex.digest === vertex));
    return [
      this.#fit(` [+] Building ${seconds(this.#begun, now)} (${this.#ended}/${this.#known.size})`),
      ...stray.map((transfer) => this.#fit(` => ${statusText(transfer, now)}`)),
      ...shown.flatMap(({ vertex }) => [
        this.#fit(` => ${vertex.name}`, seconds(vertex.started ?? now, now)),
        ...of(vertex.digest).map((transfer) => this.#fit(` => => ${statusText(transfer, now)}`)),
        ...this.#output(vertex.digest, Math.min(logs, LOG_LINES)).map((line) => this.#fit(` => => ${line}`)),
      ]),
    ].slice(0, room);
  }

  /** The last lines that a step has printed, an unfinished one too. */
  #output(digest: string, most: number): readonly string[] {
    const pending = this.#lines.pending(digest);
    const lines = [...(this.#tails.get(digest) ?? []), ...(pending === '' ? [] : [pending])];
    return most === 0 ? [] : lines.slice(-most);
  }

  /** No wider than the terminal, since a wrapped line could not be drawn over; `right` stands at its end. */
  #fit(text: string, right = ''): string {
    const room = this.#region.columns - 1 - (right === '' ? 0 : right.length + 1);
    const fitting = fitTo(printable(text), Math.max(0, room));
    if (right === '') return fitting;
    return `${fitting}${' '.repeat(Math.max(0, room - displayWidth(fitting)))} ${right}`;
  }
}

function finished({ vertex }: Step): string {
  const name = visible(vertex.name.split('\n', 1)[0]!);
  if (isCanceled(vertex)) return dim(` => CANCELED ${name}`);
  if (vertex.error !== undefined) return red(` => ERROR ${name}`);
  if (vertex.cached) return dim(` => ${cachedText(vertex.cachedFrom)} ${name}`);
  return `${green(' =>')} ${name} ${dim(seconds(vertex.started!, vertex.completed!))}`;
}
