import { parseDockerfile } from './parse.ts';
import type { DockerfileSource, SourceRange } from './source.ts';
import { splitStages } from './stages.ts';

/** A variable that an instruction uses, and why it has no value there. */
export interface VariableAdvice {
  /** As the instruction writes it: `${VERSION}`. */
  readonly subject: string;
  readonly hint: string;
}

/**
 * Looks at the instruction at `lines` for variables without a value: those in `unset`, and global ARGs that its stage
 * does not repeat and `has` does not know. Undefined when there are none, or when the Dockerfile cannot be read.
 */
export function adviseOnVariables(
  source: DockerfileSource,
  lines: SourceRange,
  { unset, has }: { readonly unset: readonly string[]; readonly has: (name: string) => boolean },
): VariableAdvice | undefined {
  const { globals, stages } = splitStages(parseDockerfile(source).instructions, source);
  const stage = stages.findLast(({ from }) => from.range.start <= lines.start);
  const instruction = stage?.instructions.find(({ range }) => range.start === lines.start);
  if (stage === undefined || instruction === undefined) return undefined;
  const text = [instruction.original, ...instruction.heredocs.map(({ content }) => content)].join('\n');
  const declared = globals.flatMap(({ args, range }) => args.map(({ key }) => ({ key, line: range.start })));
  for (const { key, line } of declared) {
    const subject = useOf(key, text);
    if (subject === undefined || has(key) || new RegExp(`\\b${key}=`).test(text)) continue;
    return {
      subject,
      hint: `$${key} has no value here: its ARG on line ${line} stands before the first FROM, where only FROM lines see it. Write ARG ${key} after line ${stage.from.range.end}: it keeps its value`,
    };
  }
  for (const name of unset) {
    const subject = useOf(name, text);
    if (subject !== undefined)
      return { subject, hint: `$${name} has no value here: declare it with ARG or ENV in this stage` };
  }
  return undefined;
}

function useOf(name: string, text: string): string | undefined {
  return new RegExp(`\\$(?:${name}(?!\\w)|\\{${name}(?!\\w)[^}]*\\})`).exec(text)?.[0];
}
