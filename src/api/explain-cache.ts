import { createHash, type RecordStore } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import type { Report } from '../progress/events.ts';
import type { KeyPart } from '../solver/operation.ts';

/** Records of what steps depended on when they last ran, by Dockerfile, platform and place in it. */
const SPACE = 'explain';

/** What such a record says. */
interface Remembered {
  /** Title of the step. */
  readonly name: string;
  /** Name and digest of every part of its cache key. */
  readonly parts: readonly (readonly [name: string, digest: string])[];
}

export interface ExplainOptions {
  readonly records: RecordStore;
  /** Which Dockerfile for which platform: steps of others are no measure. */
  readonly scope: string;
  /** Told of the reason; undefined: it is only remembered for the next time. */
  readonly report?: Report;
}

export interface CacheExplainer {
  /** To be told of each step that has to run, before it does. */
  missed(vertex: Vertex, parts: readonly KeyPart[]): void;
  /** Everything is remembered when this returns. */
  finish(): void;
  /** Remembers what it can, where a failure to do so is not what matters. */
  tryFinish(): void;
}

/** Says of a step that has to run, in its output, which of the things that it depends on is not as it was the last time. */
export function cacheExplainer({ records, scope, report }: ExplainOptions): CacheExplainer {
  const keyOf = ({ meta }: Vertex) =>
    createHash('sha256')
      .update(`${scope}\0${placeOf(meta.name)}`)
      .digest('hex');
  const nowOf = ({ meta }: Vertex, parts: readonly KeyPart[]): Remembered => ({
    name: meta.name,
    parts: parts.map(({ name, value }) => [name, digestOf(value)] as const),
  });
  const explain = (vertex: Vertex, parts: readonly KeyPart[]) => {
    const before = remembered(records.get(SPACE, keyOf(vertex))?.value);
    const text = vertex.meta.ignoreCache
      ? 'the cache is not to be used for it'
      : difference(before, nowOf(vertex, parts));
    const data = Buffer.from(`not cached: ${text}\n`);
    report?.({ kind: 'log', vertex: vertex.digest, stream: 2, data, timestamp: Date.now() });
  };
  const waiting: (readonly [Vertex, readonly KeyPart[]])[] = [];
  const finish = () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const [vertex, parts] = next;
      records.set(SPACE, keyOf(vertex), { value: nowOf(vertex, parts) });
      waiting.shift();
    }
  };
  const tryFinish = () => {
    try {
      finish();
    } catch {} // what is left fails again in `finish`, where somebody hears of it
  };
  return {
    missed(vertex, parts) {
      if (report !== undefined) explain(vertex, parts);
      // Not now: the step can begin meanwhile, and of a RUN the process runs beside it.
      if (waiting.push([vertex, parts]) === 1) setImmediate(tryFinish);
    },
    finish,
    tryFinish,
  };
}

/** The first part that differs, in words. */
export function difference(before: Remembered | undefined, now: Remembered): string {
  if (before === undefined) return 'no earlier build of this Dockerfile has run the step';
  const known = new Map(before.parts);
  const other = now.parts.find(([name, digest]) => known.get(name) !== digest);
  const missing = before.parts.find(([name]) => !now.parts.some(([own]) => own === name));
  const [name] = other ?? missing ?? [];
  if (name === undefined) return 'nothing has changed, but its result is no longer in the store';
  // What a title does not show has changed too where the titles are the same: variables, working directory, user.
  if (name === 'step' || name.startsWith('action '))
    return textOf(before.name) === textOf(now.name)
      ? 'the instruction sees other variables, or another user or directory, than before'
      : `the instruction is another: it was ${textOf(before.name)}`;
  if (name === 'root') return 'what it builds on has changed: see the steps before';
  if (name.startsWith('files of ')) return `${name} have changed`;
  if (name.startsWith('mount '))
    return `the files that its mount number ${Number(name.slice(6)) + 1} shows have changed`;
  return `${name} has changed`;
}

/** `build 2` of `[linux/amd64 build 2/5] RUN make`: a place stays while steps come and go behind it. */
function placeOf(name: string): string {
  return /^\[(.*?)\/\d+\]/.exec(name)?.[1] ?? name;
}

function textOf(name: string): string {
  return name.replace(/^\[[^\]]*\] /, '');
}

function digestOf(value: KeyPart['value']): string {
  return createHash('sha256').update(value).digest('hex');
}

function remembered(value: unknown): Remembered | undefined {
  const { name, parts } = (value ?? {}) as Partial<Remembered>;
  return typeof name === 'string' && Array.isArray(parts) ? { name, parts } : undefined;
}
