import { descriptionOf } from './description.ts';
import { type ParseOptions, parseDockerfile } from './parse.ts';
import type { DockerfileSource, SourceRange } from './source.ts';
import { splitStages } from './stages.ts';

/** A stage that can be built. */
export interface Target {
  /** Undefined for a stage without a name, which can be built only as the default. */
  readonly name?: string;
  /** Built when no target is named: the last one. */
  readonly default: boolean;
  readonly description?: string;
  /** What stands after FROM, variables in place. */
  readonly base: string;
  readonly platform?: string;
  readonly range: SourceRange;
}

/** The stages of a Dockerfile, in its order. Throws DockerfileError. */
export function listTargets(source: DockerfileSource, options: ParseOptions = {}): readonly Target[] {
  const { stages } = splitStages(parseDockerfile(source, options).instructions, source);
  return stages.map(({ from }, index) => {
    const { name, writtenName = '', image, platform, range } = from;
    const description = name === undefined ? undefined : descriptionOf(from, writtenName, name);
    return {
      ...(name !== undefined && { name }),
      default: index === stages.length - 1,
      ...(description !== undefined && { description }),
      base: image,
      ...(platform !== undefined && { platform }),
      range,
    };
  });
}
