import type { ContainerConfig, HistoryEntry, Platform } from '../../../layers/index.ts';
import type { VertexDigest } from '../../llb/definition.ts';
import type { ResolvedImage } from './request.ts';

/** A stage as far as it has been lowered. An instruction makes a new one out of it. */
export interface StageState {
  /** The filesystem. */
  readonly root: VertexDigest;
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly history: readonly HistoryEntry[];
  readonly author?: string;
  /** The image at the bottom, if there is one. */
  readonly base?: ResolvedImage;
  /** What a RUN sees and words expand to: ENV and ARG, in the order in which they first came. */
  readonly environment: ReadonlyMap<string, string>;
  /** ARGs declared so far, those of the stages below included, with their values. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** A WORKDIR of this Dockerfile has been set. */
  readonly workdirSet: boolean;
  /** CMD was set in this stage, so that ENTRYPOINT leaves it alone. */
  readonly cmdSet: boolean;
  /** Number of the last step that has one. */
  readonly step: number;
}

/** What BuildKit writes into the history of an image it built. */
const COMMENT = 'buildkit.dockerfile.v0';

/** Adds a line of history. `root` given: the step made a layer. */
export function commit(
  state: StageState,
  step: { readonly text: string; readonly created: string | undefined; readonly root?: VertexDigest },
): StageState {
  const entry: HistoryEntry = {
    ...(step.created !== undefined && { created: step.created }),
    created_by: step.text,
    comment: COMMENT,
    ...(step.root === undefined && { empty_layer: true }),
  };
  return { ...state, root: step.root ?? state.root, history: [...state.history, entry] };
}

export function withConfig(state: StageState, change: Partial<ContainerConfig>): StageState {
  return { ...state, config: { ...state.config, ...change } };
}

export function withoutConfig(state: StageState, key: keyof ContainerConfig): StageState {
  const { [key]: _, ...config } = state.config;
  return { ...state, config };
}

/** `WORKDIR` as it is now, `/` when never set. */
export function workdirOf(state: StageState): string {
  return state.config.WorkingDir === undefined || state.config.WorkingDir === ''
    ? '/'
    : state.config.WorkingDir;
}

/** The entries of an image's Env that say something: runtimes take those without `=` or name for wishes of their own. */
export function definedVariables(entries: readonly string[] = []): readonly string[] {
  return entries.filter((entry) => entry.indexOf('=') > 0);
}

export function splitVariable(entry: string): [name: string, value: string] {
  const equals = entry.indexOf('=');
  return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
