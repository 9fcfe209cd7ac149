import { didYouMean, suggest } from '../text/suggest.ts';
import type { ArgInstruction, FromInstruction, Instruction } from './instructions.ts';
import { DockerfileError, type DockerfileSource, type SourceRange } from './source.ts';

export type StageInstruction = Exclude<Instruction, FromInstruction>;

/** A Dockerfile cut at its FROM lines. */
export interface Parts {
  /** ARGs before the first FROM. */
  readonly globals: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly StageText[];
}

export interface StageText {
  readonly from: FromInstruction;
  readonly instructions: readonly StageInstruction[];
}

/** Where a filesystem comes from that FROM, COPY --from or a mount names. */
export type Origin =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  /** Also a named context: which of both is known only when it is needed. */
  | { readonly kind: 'image'; readonly name: string };

/** A name that an instruction uses, and the lines that use it. */
export interface Reference {
  readonly origin: Origin;
  readonly range: SourceRange;
}

export function splitStages(instructions: readonly Instruction[], source: DockerfileSource): Parts {
  const globals: ArgInstruction[] = [];
  const stages: { from: FromInstruction; instructions: StageInstruction[] }[] = [];
  for (const instruction of instructions) {
    const current = stages.at(-1);
    if (instruction.keyword === 'FROM') stages.push({ from: instruction, instructions: [] });
    else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.keyword === 'ARG') globals.push(instruction);
    else {
      throw new DockerfileError(
        'SYNTAX',
        'no build stage in current context',
        source,
        [instruction.range],
        'Start the Dockerfile with FROM; only ARG may stand before it',
      );
    }
  }
  if (stages.length === 0) {
    throw new DockerfileError(
      'EMPTY',
      'dockerfile contains no stages to build',
      source,
      [],
      'Add a FROM line',
    );
  }
  return { globals, stages };
}

/** What FROM builds on: the last stage before it of that name, else an image. */
export function baseOrigin(parts: Parts, index: number, image: string): Origin {
  if (image === 'scratch' && !parts.stages.some(({ from }, at) => at < index && from.name === image)) {
    return { kind: 'scratch' };
  }
  const earlier = lastNamed(parts, image, index);
  return earlier === undefined ? { kind: 'image', name: image } : { kind: 'stage', index: earlier };
}

/** What `from=` of COPY or of a mount means in stage `index`: a stage by name, of COPY also by number, else an image. */
export function sourceOrigin(parts: Parts, index: number, name: string, numbers: boolean): Origin {
  if (numbers && /^[+-]?\d+$/.test(name)) {
    const number = Number(name);
    if (number < 0 || number >= parts.stages.length) throw new Error(`invalid stage index ${number}`);
    return { kind: 'stage', index: number };
  }
  const lower = name.toLowerCase();
  const found = lastNamed(parts, lower, index) ?? parts.stages.findIndex(({ from }) => from.name === lower);
  if (found !== -1) return { kind: 'stage', index: found };
  return lower === 'scratch' ? { kind: 'scratch' } : { kind: 'image', name };
}

/** The stage to build. Throws `UNKNOWN_STAGE`. */
export function targetStage(parts: Parts, target: string | undefined, source: DockerfileSource): number {
  if (target === undefined || target === '') return parts.stages.length - 1;
  const found = lastNamed(parts, target, parts.stages.length);
  if (found !== undefined) return found;
  const names = parts.stages.map((stage, index) => displayName(stage, index));
  throw new DockerfileError(
    'UNKNOWN_STAGE',
    `target stage ${JSON.stringify(target)} could not be found${didYouMean(suggest(target, names))}`,
    source,
    [],
    `Name one of the stages that the Dockerfile defines with "FROM … AS NAME"`,
  );
}

/** The stage's name, or `stage-N` for one without. */
export function displayName({ from }: StageText, index: number): string {
  return from.name ?? `stage-${index}`;
}

/**
 * Refuses stages that need themselves. `references[i]` is what stage i uses, its base included.
 * Order among stages is not looked at here: only a stage that is built has to come after what it uses.
 */
export function refuseCircles(
  parts: Parts,
  references: readonly (readonly Reference[])[],
  source: DockerfileSource,
): void {
  const done = new Set<number>();
  for (const start of parts.stages.keys()) {
    // The way from `start` down, each step with what is still to be looked at there and how it was reached.
    const way = [{ index: start, pending: [...references[start]!], ranges: [] as readonly SourceRange[] }];
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const next = done.has(last.index) ? undefined : last.pending.shift();
      if (next === undefined) {
        done.add(last.index);
        way.pop();
        continue;
      }
      const { origin, range } = next;
      if (origin.kind !== 'stage') continue;
      const ranges = [...last.ranges, range];
      if (way.some(({ index }) => index === origin.index)) throw circle(parts, origin.index, ranges, source);
      way.push({ index: origin.index, pending: [...references[origin.index]!], ranges });
    }
  }
}

function circle(
  parts: Parts,
  index: number,
  ranges: readonly SourceRange[],
  source: DockerfileSource,
): DockerfileError {
  return new DockerfileError(
    'CIRCULAR',
    `circular dependency detected on stage: ${displayName(parts.stages[index]!, index)}`,
    source,
    ranges,
    'Copy from a stage that is complete before this one begins',
  );
}

/** Stages that `targets` need, themselves included. */
export function reachableStages(
  targets: readonly number[],
  references: readonly (readonly Reference[])[],
): ReadonlySet<number> {
  const reached = new Set<number>();
  const pending = [...targets];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (reached.has(index)) continue;
    reached.add(index);
    for (const { origin } of references[index]!) if (origin.kind === 'stage') pending.push(origin.index);
  }
  return reached;
}

/** Index of the last stage before `end` with that name, whatever its case. */
function lastNamed(parts: Parts, name: string, end: number): number | undefined {
  const lower = name.toLowerCase();
  for (let index = end - 1; index >= 0; index--) {
    if (parts.stages[index]!.from.name === lower) return index;
  }
  return undefined;
}
