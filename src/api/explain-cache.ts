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

/** Says of a step that has to run, in its output, which of the things that it depends on is not as it was the last time. */
export function cacheExplainer({ records, scope, report }: ExplainOptions) {
  return (vertex: Vertex, parts: readonly KeyPart[]): void => {
    const key = createHash('sha256')
      .update(`${scope}\0${placeOf(vertex.meta.name)}`)
      .digest('hex');
    const before = remembered(records.get(SPACE, key)?.value);
    const now = {
      name: vertex.meta.name,
      parts: parts.map(({ name, value }) => [name, digestOf(value)] as const),
    };
    if (report !== undefined) {
      const text = vertex.meta.ignoreCache ? 'the cache is not to be used for it' : difference(before, now);
      const data = Buffer.from(`not cached: ${text}\n`);
      report({ kind: 'log', vertex: vertex.digest, stream: 2, data, timestamp: Date.now() });
    }
    records.set(SPACE, key, { value: now });
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
