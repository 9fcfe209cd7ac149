import type { Finding } from '../dockerfile/checks/finding.ts';
import { isFailedJson, meantJson } from '../dockerfile/json-form.ts';
import type { DockerfileSource, SourceRange } from '../dockerfile/source.ts';
import { adviseOnVariables } from '../dockerfile/variable-advice.ts';
import type { ExecOp, Op } from '../llb/op.ts';
import { ExecError } from '../ops/exec-error.ts';
import { UserError } from '../runtime/passwd.ts';
import { SandboxError } from '../sandbox/sandbox.ts';
import {
  type Advice,
  adviseOnOutput,
  adviseOnStatus,
  missingCommand,
  NOT_EXECUTABLE,
} from './output-advice.ts';

/** A failed step, as far as advice about it needs. */
export interface StepToAdvise {
  readonly source: DockerfileSource;
  readonly lines: SourceRange | undefined;
  readonly op: Op;
  /** The last lines, oldest first. */
  readonly output: readonly string[];
  readonly cause: unknown;
  /** Of the whole Dockerfile. */
  readonly findings: readonly Finding[];
}

/** What to do about a failed step: what the error says itself, else what instruction and output suggest. */
export function adviseOnStep(step: StepToAdvise): Advice {
  const { cause, op } = step;
  const own = adviceIn(cause);
  // What is wrong as it is written is not wrong for want of a value.
  if (op.type !== 'exec') return isWritten(own.subject, step) ? own : (variables(step) ?? own);
  if (!(cause instanceof ExecError)) return own;
  return (
    failedJson(op) ??
    variables(step) ??
    adviseOnOutput(op, step.output) ??
    adviseOnStatus(cause.status) ??
    own
  );
}

/** What errors of operations say themselves, and what users and programs that are missing ask for. */
function adviceIn(cause: unknown): Advice {
  const { subject, hint = hintFor(cause) } = (cause ?? {}) as Advice;
  return { ...(subject !== undefined && { subject }), ...(hint !== undefined && { hint }) };
}

/** For errors that containers have as well: what to do about them is not the same in a Dockerfile. */
function hintFor(cause: unknown): string | undefined {
  if (cause instanceof SandboxError && cause.code === 'NOT_FOUND') return missingCommand(cause.subject);
  if (cause instanceof SandboxError && cause.code === 'NOT_EXECUTABLE') return NOT_EXECUTABLE;
  if (!(cause instanceof UserError)) return undefined;
  const { code, subject } = cause;
  if (code === 'UNKNOWN_USER')
    return `The image has no user ${subject}: make one in an earlier step, or give a number`;
  if (code === 'UNKNOWN_GROUP')
    return `The image has no group ${subject}: make one in an earlier step, or give a number`;
  return undefined;
}

/** Whether the instruction has the word itself, and not a variable that becomes it. */
function isWritten(word: string | undefined, { source, lines }: StepToAdvise): boolean {
  if (word === undefined || lines === undefined) return false;
  const text = source.text
    .split('\n')
    .slice(lines.start - 1, lines.end)
    .join('\n');
  return text.split(/[\s"',[\]]+/).includes(word);
}

/** `RUN ['echo', 'hi']`: the shell takes it for its own `[`. */
function failedJson({ args }: ExecOp): Advice | undefined {
  const text = args.at(-1) ?? '';
  if (args.length < 2 || !isFailedJson(text)) return undefined;
  const meant = meantJson(text);
  return {
    subject: text.trim(),
    hint: `This is not JSON, so the shell was given it as it is: strings in JSON have double quotes${meant === undefined ? '' : `, as in ${meant}`}`,
  };
}

function variables({ source, lines, op, findings }: StepToAdvise): Advice | undefined {
  if (lines === undefined) return undefined;
  const unset = findings.flatMap(({ rule, ranges, subject }) =>
    rule === 'UndefinedVar' && subject !== undefined && ranges.some(({ start }) => start === lines.start)
      ? [subject.replace(/^\$/, '')]
      : [],
  );
  const environment = op.type === 'exec' ? op.env : undefined;
  const has = (name: string) =>
    environment === undefined
      ? !unset.includes(name)
      : environment.some((entry) => entry.startsWith(`${name}=`));
  return adviseOnVariables(source, lines, { unset, has });
}
