import { type Command, Option } from 'commander';

/** Values as commander hands them over: the long names in camel case. */
export type RawValues = Readonly<Record<string, unknown>>;

/** Declares an option that may be given several times: all its values, in order. */
export function listOption(command: Command, flags: string, about: string): void {
  command.addOption(listOptionOf(flags, about));
}

export function listOptionOf(flags: string, about: string): Option {
  const collect = (value: string, all: readonly string[] | undefined) => [...(all ?? []), value];
  const option = new Option(flags, about).argParser(collect);
  // Commander takes every `--no-…` for the opposite of something.
  option.negate = false;
  return option;
}

/** Typed access to the values of one command line. */
export class OptionValues {
  constructor(readonly raw: RawValues) {}

  flag(name: string): boolean {
    return this.raw[name] === true;
  }

  one(name: string): string | undefined {
    return this.raw[name] as string | undefined;
  }

  many(name: string): readonly string[] {
    return (this.raw[name] as readonly string[] | undefined) ?? [];
  }

  /** What `parse` makes of the value; `option` is its name for error messages. */
  parsed<T>(name: string, option: string, parse: (text: string, option: string) => T): T | undefined {
    const text = this.one(name);
    return text === undefined ? undefined : parse(text, option);
  }
}

/** The object without the fields that are undefined. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
