/** Counts of what a command did, that do not depend on how busy the machine is. */
export interface Counts {
  /** System calls, without those of memory, signals, waiting and waking. */
  readonly calls: number;
  /** Files and directories that were opened. */
  readonly opened: number;
  /** Bytes read from and written to files; those of the commands' own code left out. */
  readonly read: number;
  readonly written: number;
  /** Programs that were executed. */
  readonly programs: number;
  readonly processes: number;
  readonly threads: number;
}

export interface Call {
  readonly pid: number;
  readonly name: string;
  /** The call as strace prints it, paths of descriptors included. */
  readonly text: string;
  /** Undefined where the process ended in it. */
  readonly result: number | undefined;
}

/** The command line that writes the trace of another into a file. */
export function traced(file: string, argv: readonly string[]): string[];
/** The calls of a trace that count, in the order in which they ended. */
export function callsOf(trace: string): Call[];
export function countsOf(calls: readonly Call[]): Counts;
/** What two counts have apart. */
export function difference(one: Counts, other: Counts): Counts;
/** How often each call is in one list and not in the other, most frequent first. */
export function tally(calls: readonly Call[], without?: readonly Call[]): [name: string, count: number][];
