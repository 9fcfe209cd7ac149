import type { Command, Option } from 'commander';
import { findOption } from './deferred-options.ts';

/**
 * Arguments as commander reads them, from what Docker's option parser (Go's pflag) also takes: `--rm=false`, `-i=true`,
 * `-e=A=1`. Of a boolean that is given several times the last counts. `passThrough`: options end at the first operand.
 */
export function normaliseArguments(
  args: readonly string[],
  command: Command,
  { passThrough }: { readonly passThrough: boolean },
): string[] {
  const reader = new ArgumentReader(command);
  let at = 0;
  while (at < args.length) {
    const arg = args[at]!;
    if (arg === '--') break;
    const isOperand = !arg.startsWith('-') || arg === '-';
    if (isOperand && passThrough) break;
    if (isOperand) {
      reader.operand(arg);
      at++;
    } else at += reader.option(arg, args[at + 1]);
  }
  return [...reader.words(), ...args.slice(at)];
}

class ArgumentReader {
  readonly #words: { readonly text: string; readonly boolean?: Option }[] = [];

  constructor(readonly command: Command) {}

  words(): readonly string[] {
    return this.#words.map(({ text }) => text);
  }

  operand(text: string): void {
    this.#words.push({ text });
  }

  /** One option; answers how many arguments it is. */
  option(arg: string, next: string | undefined): 1 | 2 {
    if (arg.startsWith('--')) return this.#long(arg, next);
    return this.#short(arg, next);
  }

  #long(arg: string, next: string | undefined): 1 | 2 {
    const equals = arg.indexOf('=');
    const name = equals === -1 ? arg : arg.slice(0, equals);
    const option = this.#find(name);
    if (option !== undefined && isBoolean(option)) {
      this.#setBoolean(name, option, equals === -1 ? undefined : arg.slice(equals + 1));
      return 1;
    }
    this.#words.push({ text: arg });
    return option === undefined || equals !== -1 ? 1 : this.#value(next);
  }

  /** `-it`, `-m100m`, `-e=A=1`. */
  #short(arg: string, next: string | undefined): 1 | 2 {
    for (let at = 1; at < arg.length; at++) {
      const name = `-${arg[at]}`;
      const option = this.#find(name);
      const rest = arg.slice(at + 1);
      if (option === undefined) {
        this.#words.push({ text: `-${arg.slice(at)}` });
        return 1;
      }
      if (!isBoolean(option)) {
        this.#words.push({ text: name });
        return rest === '' ? this.#value(next) : this.#value(rest.replace(/^=/, ''), 1);
      }
      if (rest.startsWith('=')) {
        this.#setBoolean(name, option, rest.slice(1));
        return 1;
      }
      this.#setBoolean(name, option, undefined);
    }
    return 1;
  }

  /** Whatever it looks like, it is the value of the option before. */
  #value(text: string | undefined, count: 1 | 2 = 2): 1 | 2 {
    if (text === undefined) return 1;
    this.#words.push({ text });
    return count;
  }

  #setBoolean(name: string, option: Option, value: string | undefined): void {
    if (value !== undefined && !/^(1|t|true|0|f|false)$/i.test(value)) {
      this.command.error(`error: invalid argument "${value}" for "${option.flags}": write true or false`);
    }
    const before = this.#words.findIndex((word) => word.boolean === option);
    if (before !== -1) this.#words.splice(before, 1);
    const isTrue = value === undefined || /^(1|t|true)$/i.test(value);
    const text = isTrue ? name : this.#find(`--no-${option.long?.slice(2)}`)?.long;
    if (text) this.#words.push({ text, boolean: option });
  }

  #find(name: string): Option | undefined {
    return findOption(this.command, name);
  }
}

const isBoolean = (option: Option) => !option.required && !option.optional;
