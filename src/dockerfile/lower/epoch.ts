import type { GitSourceOp, HttpSourceOp } from '../../llb/op.ts';
import { expandWord } from '../expand.ts';
import type { AddInstruction } from '../instructions.ts';
import { DockerfileError } from '../source.ts';
import type { StageText } from '../stages.ts';
import { gitSourceOp, httpSourceOp } from './add.ts';
import { reading } from './context.ts';
import type { PlanInput } from './plan.ts';
import { contextSourceOp } from './sources.ts';

const NAME = 'SOURCE_DATE_EPOCH';

/** Seconds: 31 December 9999, the last day that RFC 3339 can write. */
const LATEST = 253_402_300_799;

/**
 * SOURCE_DATE_EPOCH in seconds: as the request has it, else from the build argument or the global ARG of that name. Its
 * value is a number, `context`, a named context, or a stage that is nothing but the ADD of one remote source: then the
 * time of that source, if it has one. As BuildKit has it. Throws for anything else, and for times past the year 9999.
 */
export async function sourceDateEpoch(input: PlanInput): Promise<number | undefined> {
  const { request, globals } = input;
  if (request.epoch !== undefined) return request.epoch;
  const value = request.buildArgs[NAME] ?? globals.get(NAME) ?? '';
  if (value === '') return undefined;
  if (/^[+-]?\d+$/.test(value) && Math.abs(Number(value)) <= LATEST) return Number(value);
  if (value === 'context') return await request.contextTime?.();
  const source = namedSource(input, value);
  return source === 'timeless' ? undefined : await request.sourceTime?.(source);
}

/** The argument as instructions see it: in seconds, or empty where its source has no time. */
export function withEpoch<T extends PlanInput>(input: T, epoch: number | undefined): T {
  const { request, globals } = input;
  const value = epoch === undefined ? '' : String(epoch);
  if (Object.hasOwn(request.buildArgs, NAME))
    return { ...input, request: { ...request, buildArgs: { ...request.buildArgs, [NAME]: value } } };
  if (!globals.has(NAME)) return input;
  return { ...input, globals: new Map(globals).set(NAME, value) };
}

/** What a named context or stage of that name fetches; directories and images have no time of their own. */
function namedSource(input: PlanInput, name: string): GitSourceOp | HttpSourceOp | 'timeless' {
  const context = input.request.contexts.get(name);
  if (context !== undefined)
    return context.kind === 'http' || context.kind === 'git' ? contextSourceOp(context) : 'timeless';
  const stage = input.parts.stages.find(({ from }) => from.name === name.toLowerCase());
  if (stage !== undefined) return stageSource(input, stage);
  const declared = input.parts.globals.findLast(({ args }) => args.some(({ key }) => key === NAME));
  const isDefault = !Object.hasOwn(input.request.buildArgs, NAME) && declared !== undefined;
  throw new DockerfileError(
    'BAD_ARGUMENT',
    `invalid ${NAME}: ${name}`,
    input.source,
    isDefault ? [declared.range] : [],
    'Give seconds since 1970, such as the time of the last commit: git log -1 --format=%ct',
  );
}

function stageSource(input: PlanInput, stage: StageText): GitSourceOp | HttpSourceOp {
  const fail = (message: string) =>
    new DockerfileError('BAD_ARGUMENT', `${NAME} ${message}`, input.source, [stage.from.range]);
  let values = new Map([...input.globals].filter(([key]) => key !== NAME));
  const expand = (word: string) =>
    reading(input, stage.from, 'EXPANSION', () => expandWord(word, values, input).text);
  if (expand(stage.from.image) !== 'scratch') throw fail('stage must use FROM scratch');
  let found: AddInstruction | undefined;
  for (const instruction of stage.instructions) {
    if (instruction.keyword === 'ARG') {
      for (const { key, value } of instruction.args) {
        const given = input.request.buildArgs[key] ?? (value === undefined ? undefined : expand(value));
        if (given !== undefined) values = new Map(values).set(key, given);
      }
    } else if (instruction.keyword !== 'ADD') {
      const unsupported = `unsupported ${instruction.keyword} instruction`;
      throw fail(`stage does not meet source-only requirements: ${unsupported}`);
    } else if (found !== undefined) throw fail('stage must contain exactly one remote ADD');
    else found = instruction;
  }
  if (found === undefined) throw fail('stage must contain exactly one remote ADD');
  const [source, ...others] = found.sources;
  if (source?.kind !== 'path' || others.length > 0)
    throw fail('stage must contain exactly one remote ADD source');
  const address = expand(source.text);
  const checksum = expand(found.checksum ?? '');
  return reading(input, found, 'BAD_ARGUMENT', () => {
    const op = gitSourceOp(address, found, checksum) ?? httpSourceOp(address, checksum);
    if (op === undefined) throw fail('stage source must be a single HTTP(S) or Git ADD');
    return op;
  });
}

/** As history and configs write a time: `2021-01-01T00:00:00Z`. */
export function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, 'Z');
}
