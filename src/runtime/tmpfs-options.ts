import { RuntimeError } from './errors.ts';

/** Flags of mount(8), each with the one that it takes the place of. */
const OPPOSITES: ReadonlyMap<string, string> = new Map(
  [
    ['ro', 'rw'],
    ['nosuid', 'suid'],
    ['nodev', 'dev'],
    ['noexec', 'exec'],
    ['noatime', 'atime'],
    ['nodiratime', 'diratime'],
    ['relatime', 'norelatime'],
  ].flatMap(([a, b]) => [[a!, b!] as const, [b!, a!] as const]),
);

/** Parameters of tmpfs(5) and the values they may have. */
const PARAMETERS: Readonly<Record<string, RegExp>> = {
  size: /^\d+([kKmMgG]|%)?$/,
  nr_blocks: /^\d+[kKmMgG]?$/,
  nr_inodes: /^\d+[kKmMgG]?$/,
  mode: /^[0-7]{1,4}$/,
  uid: /^\d{1,10}$/,
  gid: /^\d{1,10}$/,
  mpol: /^[\w:,=-]+$/,
};

/** Docker's defaults for a tmpfs with what was asked for over them. Throws `BAD_OPTION` for anything unknown. */
export function tmpfsOptions(
  asked: readonly string[],
  defaults: readonly string[] = ['noexec', 'nosuid', 'nodev'],
): readonly string[] {
  const options = [...defaults];
  for (const option of asked) {
    const opposite = OPPOSITES.get(option);
    const [name, value] = splitOnce(option);
    if (opposite !== undefined) replace(options, (other) => other === opposite || other === option, option);
    else if (value !== undefined && Object.hasOwn(PARAMETERS, name) && PARAMETERS[name]!.test(value))
      replace(options, (other) => other.startsWith(`${name}=`), option);
    else throw new RuntimeError('BAD_OPTION', option, `invalid tmpfs option ${JSON.stringify(option)}`);
  }
  return options;
}

function replace(options: string[], isReplaced: (other: string) => boolean, option: string): void {
  const at = options.findIndex(isReplaced);
  if (at === -1) options.push(option);
  else options[at] = option;
}

function splitOnce(text: string): readonly [name: string, value: string | undefined] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
