import { parseReference } from '../../../layers/index.ts';
import type { FindingList } from '../checks/finding-list.ts';
import { type Environment, type Expansion, expandWord } from '../expand.ts';
import type { ArgInstruction, FromInstruction } from '../instructions.ts';
import type { DockerfileSource } from '../source.ts';
import { reading } from './context.ts';

/** ARGs before the first FROM on top of the predefined ones: what FROM lines may use. */
export function globalArgs(
  instructions: readonly ArgInstruction[],
  predefined: ReadonlyMap<string, string>,
  buildArgs: Readonly<Record<string, string>>,
  file: { readonly source: DockerfileSource; readonly escapeChar: string },
): ReadonlyMap<string, string> {
  const values = new Map(predefined);
  for (const instruction of instructions) {
    for (const { key, value } of instruction.args) {
      // As in stages: a default that is replaced is not evaluated.
      const given = Object.hasOwn(buildArgs, key) ? buildArgs[key] : undefined;
      if (given !== undefined) values.set(key, given);
      else if (value !== undefined) {
        values.set(
          key,
          reading(file, instruction, 'EXPANSION', () => expandWord(value, values, file).text),
        );
      }
    }
  }
  return values;
}

/** InvalidDefaultArgInFrom: FROM lines that make no image name unless a build argument is given. */
export function checkDefaults(
  stages: readonly FromInstruction[],
  defaults: () => Environment,
  escapeChar: string,
  findings: FindingList,
): void {
  try {
    const values = defaults();
    for (const from of stages) {
      const { text } = expandWord(from.image, values, { escapeChar });
      if (!isImageName(text)) {
        findings.addAt(
          from,
          'InvalidDefaultArgInFrom',
          `Default value for ARG ${from.image} results in empty or invalid base image name`,
        );
      }
    }
  } catch {
    // The same mistake fails the build, and is told there.
  }
}

/** RedundantTargetPlatform: the platform is `$TARGETPLATFORM` and nothing else. */
export function isRedundantPlatform(expansion: Expansion, globals: ReadonlyMap<string, string>): boolean {
  const [only, ...others] = expansion.used;
  return (
    only === 'TARGETPLATFORM' &&
    others.length === 0 &&
    expansion.unset.size === 0 &&
    expansion.text === globals.get('TARGETPLATFORM')
  );
}

function isImageName(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}
