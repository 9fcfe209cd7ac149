import type { DockerfileSource } from '../dockerfile/source.ts';
import type { SourceLines } from '../llb/definition.ts';

/** A step of a build failed: which one, where it stands in the Dockerfile, and the end of what it printed. */
export class BuildError extends Error {
  override readonly name = 'BuildError';

  constructor(
    /** `[build 2/5] RUN make`. */
    readonly step: string,
    readonly source: DockerfileSource,
    readonly lines: SourceLines | undefined,
    /** Last lines of the step's output, oldest first. */
    readonly output: readonly string[],
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
