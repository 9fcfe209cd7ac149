import type { Instruction } from './instructions.ts';

/** What the comment above an ARG or a FROM says about a name that it defines: `# NAME what it is`. */
export function descriptionOf({ comments }: Instruction, ...names: readonly string[]): string | undefined {
  for (const comment of comments) {
    for (const name of names)
      if (comment.startsWith(`${name} `)) return comment.slice(name.length + 1).trim();
  }
  return undefined;
}
