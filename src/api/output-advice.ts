import type { ExecOp } from '../llb/op.ts';

/** What to do about a failed step, and the words of its instruction that are to blame. */
export interface Advice {
  readonly subject?: string;
  readonly hint?: string;
}

interface Symptom {
  readonly pattern: RegExp;
  readonly advise: (match: RegExpExecArray, op: ExecOp) => Advice | undefined;
}

export const missingCommand = (name: string) =>
  `The image has no command ${name}: check its spelling, or install it in an earlier step`;

export const NOT_EXECUTABLE =
  'It is there but may not be run: give it the bit, as COPY --chmod=755 or RUN chmod +x do, or name its interpreter';

/** What programs print when the mistake is in the Dockerfile or around it, in the order of how much that tells. */
const SYMPTOMS: readonly Symptom[] = [
  {
    pattern: /^E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate)/,
    advise: ([, missing, without]) => ({
      subject: (missing ?? without)!,
      hint: `apt knows no package ${missing ?? without}: check its name in this release, and that "apt-get update &&" stands before it in the same RUN`,
    }),
  },
  {
    pattern: /^ {2}(\S+) \(no such package\):/,
    advise: ([, name]) => ({ subject: name!, hint: `apk knows no package ${name}: check its name` }),
  },
  {
    pattern: /^ERROR: No matching distribution found for ([^\s=<>!~]+)/,
    advise: ([, name]) => ({ subject: name!, hint: `pip finds no such version of ${name}` }),
  },
  {
    pattern:
      /Temporary failure (?:in name resolution|resolving)|Could not resolve host|bad address '|EAI_AGAIN/,
    advise: (_, { network }) => ({
      hint:
        network === 'none'
          ? 'The step has no network: leave out --network=none, or do what needs one in another step'
          : 'The step cannot resolve names: check the network and the name servers in /etc/resolv.conf of this machine',
    }),
  },
  {
    pattern:
      /(?:^|[/\s])(?:ba|da|a|z|k)?sh: (?:line )?(?:\d+: )?([^\s:]+): (?:command )?not found$|exec: "([^"]+)": executable file not found/,
    advise: ([, one, other]) => ({
      subject: (one ?? other)!,
      hint: missingCommand((one ?? other)!),
    }),
  },
  {
    pattern: /No space left on device/,
    advise: () => ({ hint: 'The disk of the store is full: make room, for example with "tsctr prune"' }),
  },
  {
    pattern: /[Pp]ermission denied|Operation not permitted/,
    advise: (_, { user }) =>
      /^(?:|0|root)(?::|$)/.test(user)
        ? undefined
        : {
            hint: `The step runs as user ${user}: do what needs root before USER, or give the files away with COPY --chown`,
          },
  },
];

/** Advice from the end of a step's output. */
export function adviseOnOutput(op: ExecOp, output: readonly string[]): Advice | undefined {
  const lines = output.map((line) => line.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')).reverse();
  for (const { pattern, advise } of SYMPTOMS) {
    for (const line of lines) {
      const match = pattern.exec(line);
      const advice = match === null ? undefined : advise(match, op);
      if (advice !== undefined) return advice;
    }
  }
  return undefined;
}

/** Advice from the exit status alone. */
export function adviseOnStatus({
  code,
  oomKilled,
}: {
  code: number;
  oomKilled: boolean;
}): Advice | undefined {
  if (oomKilled || code === 137) {
    const sure = oomKilled
      ? 'The step was ended for lack of memory'
      : 'The step was killed, often for lack of memory';
    return { hint: `${sure}: let it do less at once, or give it more with --memory` };
  }
  if (code === 126) return { hint: NOT_EXECUTABLE };
  if (code === 139) return { hint: 'The program crashed: it reached for memory that it does not have' };
  return undefined;
}
