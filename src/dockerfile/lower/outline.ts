import type { Vertex } from '../../llb/definition.ts';
import { descriptionOf } from '../description.ts';
import { type Environment, expandWord } from '../expand.ts';
import type { ArgInstruction } from '../instructions.ts';
import type { SourceRange } from '../source.ts';
import { lowerTargets, type OpenDockerfile, openDockerfile } from './open.ts';
import { type PlannedStage, referencesOf } from './plan.ts';
import type { LowerRequest } from './request.ts';
import type { StageState } from './state.ts';

/** What a target takes from whoever builds it. */
export interface Outline {
  /** Of the target; undefined when it has none. */
  readonly name?: string;
  readonly description?: string;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
}

export interface OutlineArg {
  readonly name: string;
  readonly description?: string;
  /** As it is in this build: given, or the default. */
  readonly value?: string;
  readonly range: SourceRange;
}

/** A secret, or an SSH agent, that a RUN asks for. */
export interface OutlineMount {
  readonly id: string;
  readonly required: boolean;
  readonly range: SourceRange;
}

/** Arguments, secrets and agents of the request's target and of the stages that it needs. Throws DockerfileError. */
export async function outlineTarget(request: LowerRequest): Promise<Outline> {
  const file = openDockerfile(request);
  const { plan, graph, states } = await lowerTargets(file, [file.target]);
  const { from } = file.parts.stages[file.target]!;
  const description = descriptionOf(from, from.writtenName ?? '', from.name ?? '');
  const vertices = [...graph.definition(states.get(file.target)!.root).vertices.values()];
  return {
    ...(from.name !== undefined && { name: from.name }),
    ...(from.name !== undefined && description !== undefined && { description }),
    args: argsOf(file, plan.stages, states),
    secrets: mountsOf(vertices, 'secret'),
    ssh: mountsOf(vertices, 'ssh'),
  };
}

/** The arguments of the target's stages, each by its place nearest to the target. */
function argsOf(
  file: OpenDockerfile,
  stages: readonly PlannedStage[],
  states: ReadonlyMap<number, StageState>,
): readonly OutlineArg[] {
  const found = new Map<string, OutlineArg>();
  const add = (args: Iterable<OutlineArg>) => {
    for (const arg of args) if (!found.has(arg.name)) found.set(arg.name, arg);
  };
  const globals = globalArgsOf(file);
  for (const stage of nearestFirst(file, stages)) {
    const { args, inherited } = stageArgs(file, stage, states.get(stage.index)!);
    add(args);
    add(withDefaults([...inherited, ...fromVariables(file, stage)], globals));
  }
  return [...found.values()].sort((one, other) => one.range.start - other.range.start);
}

/** The target, the stages that it is built on, and those that these read from. */
function nearestFirst(file: OpenDockerfile, stages: readonly PlannedStage[]): readonly PlannedStage[] {
  const order = new Set<number>();
  const pending = [file.target];
  for (let index = pending.shift(); index !== undefined; index = pending.shift()) {
    if (order.has(index)) continue;
    order.add(index);
    const origins = referencesOf(file, stages[index]!).map(({ origin }) => origin);
    pending.push(...origins.flatMap((origin) => (origin.kind === 'stage' ? [origin.index] : [])));
  }
  return [...order].map((index) => stages[index]!);
}

/** ARGs of a stage, the last of a name; `inherited`: names that only repeat a global one. */
function stageArgs(
  file: OpenDockerfile,
  { triggers, instructions }: PlannedStage,
  state: StageState,
): { readonly args: Iterable<OutlineArg>; readonly inherited: readonly string[] } {
  const args = new Map<string, OutlineArg>();
  const inherited: string[] = [];
  for (const instruction of [...(triggers ?? []), ...instructions]) {
    if (instruction.keyword !== 'ARG') continue;
    for (const { key, value } of instruction.args) {
      const given = Object.hasOwn(file.request.buildArgs, key);
      if (value === undefined && !given && file.globals.has(key)) inherited.push(key);
      else args.set(key, outlineArg(instruction, key, state.args.get(key)));
    }
  }
  return { args: args.values(), inherited };
}

interface GlobalArg {
  readonly arg: OutlineArg;
  /** Names that its default uses. */
  readonly uses: readonly string[];
}

function globalArgsOf({
  parts,
  globals,
  request,
  escapeChar,
}: OpenDockerfile): ReadonlyMap<string, GlobalArg> {
  const found = new Map<string, GlobalArg>();
  for (const instruction of parts.globals) {
    for (const { key, value } of instruction.args) {
      const isDefault = value !== undefined && !Object.hasOwn(request.buildArgs, key);
      const uses = isDefault ? variablesIn(value, globals, escapeChar) : [];
      found.set(key, { arg: outlineArg(instruction, key, globals.get(key)), uses });
    }
  }
  return found;
}

/** The global ARGs of those names, and those that their defaults use. Predefined ones are nobody's to give. */
function withDefaults(
  names: readonly string[],
  globals: ReadonlyMap<string, GlobalArg>,
): readonly OutlineArg[] {
  const seen = new Set<string>();
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    pending.push(...(globals.get(name)?.uses ?? []));
  }
  return [...seen].flatMap((name) => globals.get(name)?.arg ?? []);
}

function fromVariables({ globals, escapeChar }: OpenDockerfile, { from }: PlannedStage): readonly string[] {
  return [from.image, from.platform ?? ''].flatMap((word) => variablesIn(word, globals, escapeChar));
}

function variablesIn(word: string, environment: Environment, escapeChar: string): readonly string[] {
  return [...expandWord(word, environment, { escapeChar }).used];
}

function outlineArg(instruction: ArgInstruction, name: string, value: string | undefined): OutlineArg {
  const description = descriptionOf(instruction, name);
  return {
    name,
    ...(description !== undefined && { description }),
    ...(value !== undefined && { value }),
    range: instruction.range,
  };
}

/** In the order of the file; the first RUN that asks for an id is the one that counts. */
function mountsOf(vertices: readonly Vertex[], type: 'secret' | 'ssh'): readonly OutlineMount[] {
  const all = vertices.flatMap(({ op, meta }) =>
    op.type !== 'exec' || meta.lines === undefined
      ? []
      : op.mounts.flatMap((mount) =>
          mount.type === type ? [{ id: mount.id, required: mount.required, range: meta.lines! }] : [],
        ),
  );
  const ordered = all.sort(
    (one, other) => one.range.start - other.range.start || (one.id < other.id ? -1 : 1),
  );
  return ordered.filter(({ id }, index) => ordered.findIndex((mount) => mount.id === id) === index);
}
