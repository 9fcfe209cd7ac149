import { didYouMean, suggest } from '../text/suggest.ts';
import { parseBoolean } from './booleans.ts';
import { parseByteSize } from './byte-size.ts';
import { csvFields } from './csv.ts';

/** One `--mount` of RUN with its values expanded, as written otherwise: nothing is completed yet but `type`. */
export interface RunMount {
  readonly type: MountType;
  readonly from?: string;
  readonly source?: string;
  readonly target?: string;
  readonly readonly: boolean;
  /** Bytes (tmpfs). */
  readonly size?: number;
  readonly id?: string;
  readonly sharing?: Sharing;
  readonly required: boolean;
  /** Name of an environment variable (secret). */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const SHARINGS = ['shared', 'private', 'locked'] as const;
export type MountType = (typeof TYPES)[number];
export type Sharing = (typeof SHARINGS)[number];

const KEYS = [
  'type',
  'from',
  'source',
  'target',
  'readonly',
  'id',
  'sharing',
  'required',
  'size',
  'mode',
  'uid',
  'gid',
  'src',
  'dst',
  'destination',
  'ro',
  'rw',
  'readwrite',
  'env',
];
const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
};

/** An option of a `--mount` that is wrong: which words, and what to write instead. */
export class MountOptionError extends Error {
  override readonly name = 'MountOptionError';

  constructor(
    message: string,
    /** As it stands in the file; undefined for the mount as a whole. */
    readonly subject: string | undefined,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** What `from=` names, before any value is known; undefined where there is none. Throws Error for variables in it. */
export function mountFrom(text: string): string | undefined {
  let from: string | undefined;
  for (const field of csvFields(text)) {
    const [key, value] = splitField(field);
    if (key !== 'from' || value === undefined) continue;
    const dollar = value.indexOf('$');
    if (dollar !== -1 && dollar !== value.length - 1) {
      throw new MountOptionError(
        "'from' doesn't support variable expansion, define alias stage instead",
        field,
        `Before this stage: FROM ${value} AS source; then from=source`,
      );
    }
    from = value;
  }
  return from === '' ? undefined : from;
}

/** Reads the options of a `--mount`; `expand` gives each value its variables. Throws Error naming the option. */
export function parseRunMount(text: string, expand: (value: string) => string): RunMount {
  const draft: Draft = { type: 'bind', required: false };
  for (const field of csvFields(text)) {
    const [key, value] = splitField(field);
    if (value === undefined) setBare(draft, key, field);
    else setValue(draft, key, key === 'from' ? value : expand(value), field);
  }
  refuseMisfits(draft);
  const { readonly, ...rest } = draft;
  return { ...rest, readonly: readonly ?? (draft.type !== 'cache' && draft.type !== 'tmpfs') };
}

type Draft = { -readonly [K in keyof Omit<RunMount, 'readonly'>]: RunMount[K] } & { readonly?: boolean };

function splitField(field: string): [key: string, value: string | undefined] {
  const equals = field.indexOf('=');
  if (equals === -1) return [field.toLowerCase(), undefined];
  return [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}

function setBare(draft: Draft, key: string, field: string): void {
  if (key === 'readonly' || key === 'ro') draft.readonly = true;
  else if (key === 'readwrite' || key === 'rw') draft.readonly = false;
  else if (key === 'required') setRequired(draft, key, 'true');
  else {
    const meant = KEYS.includes(key) ? key : suggest(key, KEYS);
    throw new MountOptionError(
      `invalid field '${field}' must be a key=value pair`,
      field,
      meant === undefined ? undefined : `Write ${meant}=VALUE`,
    );
  }
}

function setValue(draft: Draft, key: string, value: string, field: string): void {
  switch (key) {
    case 'type':
      draft.type = oneOf(TYPES, value, 'unsupported mount type', field);
      break;
    case 'sharing':
      draft.sharing = oneOf(SHARINGS, value, 'unsupported sharing value', field);
      break;
    case 'from':
    case 'source':
    case 'src':
    case 'target':
    case 'dst':
    case 'destination':
    case 'id':
    case 'env':
      draft[(ALIASES[key] ?? key) as 'from' | 'source' | 'target' | 'id' | 'env'] = value;
      break;
    case 'readonly':
    case 'ro':
      draft.readonly = boolean(key, value);
      break;
    case 'readwrite':
    case 'rw':
      draft.readonly = !boolean(key, value);
      break;
    case 'required':
      setRequired(draft, key, value);
      break;
    case 'size':
      setSize(draft, key, value);
      break;
    case 'mode':
    case 'uid':
    case 'gid':
      draft[key] = number(key, value, key === 'mode' ? 8 : 10);
      break;
    default: {
      const meant = suggest(key, KEYS);
      throw new MountOptionError(
        `unexpected key '${key}' in '${field}'${didYouMean(meant)}`,
        field.slice(0, key.length),
        meant === undefined ? undefined : `Write ${meant}=${value}`,
      );
    }
  }
}

function setRequired(draft: Draft, key: string, value: string): void {
  if (draft.type !== 'secret' && draft.type !== 'ssh') throw misplaced(key, draft);
  draft.required = boolean(key, value);
}

function setSize(draft: Draft, key: string, value: string): void {
  if (draft.type !== 'tmpfs') throw misplaced(key, draft);
  const size = parseByteSize(value);
  if (size === undefined) {
    throw new MountOptionError(`invalid value for ${key}: ${value}`, value, 'Write a size such as size=64m');
  }
  draft.size = size;
}

function refuseMisfits(draft: Draft): void {
  const { type } = draft;
  if (type === 'bind' || type === 'tmpfs') {
    for (const key of ['mode', 'uid', 'gid'] as const) {
      if (draft[key] !== undefined)
        throw new MountOptionError(`${key} not allowed for "${type}" type mounts`, key, `Remove ${key}`);
    }
  }
  if (type === 'secret') {
    if (given(draft.from)) throw new Error('secret mount should not have a from');
    if (draft.sharing !== undefined) throw new Error('secret mount should not define sharing');
    if (!given(draft.source) && !given(draft.target) && !given(draft.id)) {
      const message = 'invalid secret mount. one of source, target required';
      throw new MountOptionError(message, undefined, 'Name the secret: --mount=type=secret,id=NAME');
    }
    if (given(draft.source) && given(draft.id)) throw new Error("both source and id can't be set");
  }
  if (type === 'ssh' && given(draft.source)) throw new Error('ssh does not support source');
  if (draft.sharing !== undefined && type !== 'cache') {
    throw new Error(`invalid cache sharing set for ${type} mount`);
  }
}

function oneOf<T extends string>(options: readonly T[], value: string, what: string, field: string): T {
  const found = options.find((option) => option === value.toLowerCase());
  if (found !== undefined) return found;
  throw new MountOptionError(
    `${what} ${JSON.stringify(value)}${didYouMean(suggest(value, options))}`,
    field,
    `Write one of ${options.join(', ')}`,
  );
}

function boolean(key: string, value: string): boolean {
  const found = parseBoolean(value);
  if (found === undefined) {
    throw new MountOptionError(
      `invalid value for ${key}: ${value}`,
      value,
      `Write ${key}=true or ${key}=false`,
    );
  }
  return found;
}

function number(key: string, value: string, radix: 8 | 10): number {
  const digits = radix === 8 ? /^[0-7]+$/ : /^\d+$/;
  const found = digits.test(value) ? Number.parseInt(value, radix) : Number.NaN;
  if (!(found <= 0xffff_ffff)) {
    const wanted = radix === 8 ? 'an octal number, such as 0755' : 'a number: names are not looked up here';
    throw new MountOptionError(`invalid value ${value} for ${key}`, value, `Write ${wanted}`);
  }
  return found;
}

function misplaced(key: string, { type }: Draft): Error {
  const owners = key === 'size' ? 'type=tmpfs' : 'type=secret and type=ssh';
  const hint = `${key} belongs to ${owners}: remove it, or write the type before it`;
  return new MountOptionError(`unexpected key '${key}' for mount type '${type}'`, key, hint);
}

function given(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
