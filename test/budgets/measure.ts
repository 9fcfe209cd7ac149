import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Call, type Counts, callsOf, countsOf, difference, tally, traced } from '../../bench/calls.mjs';
import { type CommandOptions, type Commands, outcome, type Program } from '../support/commands.ts';

/** What a command did besides starting Node. */
export interface Measurement extends Counts {
  /** Modules of Node that were loaded. */
  readonly modules: number;
}

export interface Measured {
  readonly counts: Measurement;
  readonly calls: readonly Call[];
  /** How often each call, those of Node's own start left out. */
  readonly tally: Readonly<Record<string, number>>;
}

/** Why nothing can be counted here; undefined when it can. */
export const tracingProblem: string | undefined =
  spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
    ? undefined
    : 'strace is missing or may not trace (.ci/setup installs it)';

const LIST_MODULES = `
  const before = process.moduleLoadList.length;
  process.on('exit', () => require('node:fs').writeFileSync(
    process.env.MODULES_LIST + '/' + process.pid, String(process.moduleLoadList.length - before)));
`;

/** Counts what commands of one store do. */
export class Meter {
  readonly #commands: Commands;
  readonly #folder: string;
  #floor: { readonly calls: readonly Call[]; readonly modules: number } | undefined;

  constructor(commands: Commands) {
    this.#commands = commands;
    this.#folder = join(commands.folder, 'meter');
    mkdirSync(join(this.#folder, 'modules'), { recursive: true });
    writeFileSync(join(this.#folder, 'list-modules.cjs'), LIST_MODULES);
    writeFileSync(join(this.#folder, 'nothing.cjs'), '');
  }

  /** Traces one run, and counts the modules of a second one where `modules` is not false. */
  async command(
    program: Program,
    args: readonly string[],
    { modules = true, ...options }: CommandOptions & { readonly modules?: boolean } = {},
  ): Promise<Measured> {
    this.#floor ??= this.#nothing();
    const file = join(this.#folder, 'trace');
    await this.#run(program, args, {
      ...options,
      through: [...(options.through ?? []), ...traced(file, [])],
    });
    const calls = callsOf(readFileSync(file, 'utf8'));
    if (modules) await this.#run(program, args, { ...options, env: { ...options.env, ...this.#listing() } });
    return {
      calls,
      tally: Object.fromEntries(tally(calls, this.#floor.calls)),
      counts: {
        ...difference(countsOf(calls), countsOf(this.#floor.calls)),
        modules: modules ? this.#modules() - this.#floor.modules : 0,
      },
    };
  }

  async #run(program: Program, args: readonly string[], options: CommandOptions): Promise<void> {
    const { code, stderr } = await outcome(this.#commands.start(program, args, options));
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: status ${code}: ${stderr}`);
  }

  /** An empty program: what Node needs for itself. */
  #nothing(): { readonly calls: readonly Call[]; readonly modules: number } {
    const file = join(this.#folder, 'trace');
    const node = [process.execPath, join(this.#folder, 'nothing.cjs')];
    const [strace, ...args] = traced(file, node);
    const env = { PATH: process.env.PATH, HOME: this.#folder };
    execFileSync(strace!, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const calls = callsOf(readFileSync(file, 'utf8'));
    execFileSync(node[0]!, node.slice(1), { env: { ...env, ...this.#listing() } });
    return { calls, modules: this.#modules() };
  }

  #listing(): Record<string, string> {
    return {
      NODE_OPTIONS: `--require=${join(this.#folder, 'list-modules.cjs')}`,
      MODULES_LIST: join(this.#folder, 'modules'),
    };
  }

  #modules(): number {
    const folder = join(this.#folder, 'modules');
    const files = readdirSync(folder).map((name) => join(folder, name));
    const sum = files.reduce((total, path) => total + Number(readFileSync(path, 'utf8')), 0);
    for (const path of files) rmSync(path);
    return sum;
  }
}

/** What one unit costs, given what one and what several did. */
export function perUnit(one: Measured, several: Measured, more: number): Measured {
  const part = (a: number, b: number) => Math.round(((a - b) / more) * 10) / 10;
  const names = new Set([...Object.keys(one.tally), ...Object.keys(several.tally)]);
  const counts = Object.entries(several.counts).map(([name, count]) => [
    name,
    part(count, one.counts[name as keyof Measurement]),
  ]);
  return {
    calls: several.calls,
    counts: Object.fromEntries(counts) as Measurement,
    tally: Object.fromEntries(
      [...names].map((name) => [name, part(several.tally[name] ?? 0, one.tally[name] ?? 0)]),
    ),
  };
}

/** The least of each count: what else went on in a run can only add to it. */
export function least(runs: readonly Measured[]): Measured {
  const first = runs.reduce((a, b) => (b.counts.calls < a.counts.calls ? b : a));
  const counts = Object.keys(first.counts).map((name) => [
    name,
    Math.min(...runs.map(({ counts }) => counts[name as keyof Measurement])),
  ]);
  return { ...first, counts: Object.fromEntries(counts) as Measurement };
}
