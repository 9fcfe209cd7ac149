import { type Command, Option } from 'commander';
import { listOptionOf } from './option-values.ts';

/**
 * Options of a command that are declared when an argument names them: commander takes milliseconds for a hundred, and
 * hardly anybody gives more than five.
 */
export class DeferredOptions {
  readonly #command: Command;
  readonly #entries: Entry[] = [];
  #heading = '';

  /** The command has no option of these until `normaliseArguments` asks for them. */
  constructor(command: Command) {
    this.#command = command;
    deferred.set(command, this);
  }

  /** Of those that follow, in the help. */
  group(heading: string): this {
    this.#heading = heading;
    this.#command.optionsGroup(heading);
    return this;
  }

  option(flags: string, about: string): this {
    return this.add(flags, () => new Option(flags, about));
  }

  /** One that may be given several times. */
  list(flags: string, about: string): this {
    return this.add(flags, () => listOptionOf(flags, about));
  }

  /** One that the help does not tell of. */
  hidden(flags: string): this {
    return this.add(flags, () => new Option(flags).hideHelp());
  }

  add(flags: string, make: () => Option): this {
    this.#entries.push({ flags, heading: this.#heading, make, option: undefined });
    return this;
  }

  /** The option of that name (`-e`, `--env`). Where there is none, help or a complaint follows: those want all. */
  find(name: string): Option | undefined {
    const entry = this.#entries.find(({ flags }) => namesIn(flags, name));
    if (entry === undefined) this.#declareAll();
    return entry && this.#declare(entry);
  }

  /** In the order in which they were told, as the help has them. */
  #declareAll(): void {
    const ordered = this.#entries.map((entry) => this.#declare(entry));
    const options = this.#command.options as Option[];
    options.splice(0, options.length, ...ordered, ...options.filter((option) => !ordered.includes(option)));
  }

  #declare(entry: Entry): Option {
    if (entry.option === undefined) {
      entry.option = entry.make();
      this.#command.optionsGroup(entry.heading).addOption(entry.option);
    }
    return entry.option;
  }
}

interface Entry {
  readonly flags: string;
  readonly heading: string;
  readonly make: () => Option;
  /** Once it is declared. */
  option: Option | undefined;
}

const deferred = new WeakMap<Command, DeferredOptions>();

/** The option of a command, which is declared now if it is one of its deferred ones. */
export function findOption(command: Command, name: string): Option | undefined {
  const option = command.options.find(({ short, long }) => short === name || long === name);
  return option ?? deferred.get(command)?.find(name);
}

/** Whether `-e, --env <NAME=value>` has the name. */
function namesIn(flags: string, name: string): boolean {
  for (let at = flags.indexOf(name); at !== -1; at = flags.indexOf(name, at + 1)) {
    const after = flags[at + name.length];
    const before = at === 0 || (flags[at - 1] === ' ' && flags[at - 2] === ',');
    if (before && (after === undefined || after === ' ' || after === ',')) return true;
  }
  return false;
}
