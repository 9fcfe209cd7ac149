import type { DockerfileSource } from '../dockerfile/source.ts';
import type { SourceLines } from '../llb/definition.ts';
import type { OutputEnd } from './log-tail.ts';

/** Where and how a step failed. */
export interface FailedStep {
  /** `[build 2/5] RUN make`. */
  readonly name: string;
  readonly source: DockerfileSource;
  readonly lines?: SourceLines;
  readonly output: OutputEnd;
  /** File with its whole output, if it had any. */
  readonly log?: string;
  /** The words of the instruction that are to blame, as far as that can be told. */
  readonly subject?: string;
  /** One line: what to do. */
  readonly hint?: string;
}

/** A step of a build failed: which one, where it stands in the Dockerfile, and the end of what it printed. */
export class BuildError extends Error {
  override readonly name = 'BuildError';

  constructor(
    readonly step: FailedStep,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
