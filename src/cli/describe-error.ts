import { getSystemErrorMap } from 'node:util';
import { visibleLines } from '../text/visible.ts';
import { ExitCode } from './exit-status.ts';

export interface DescribeOptions {
  readonly program: string;
  /** Exit status of failures that have none of their own. */
  readonly failure: number;
  readonly colour: boolean;
  /** Tells a build's errors with their source, in programs that build. */
  readonly describeBuild?: DescribeBuild;
}

export type DescribeBuild = (error: Error, options: { readonly colour: boolean }) => Promise<string>;

export interface Description {
  readonly text: string;
  readonly exitCode: number;
}

/**
 * What a person is shown of a failure, and the status to end with. Errors are told apart by name and code alone. Parts of
 * a message may come from an archive or a registry: they cannot steer a terminal.
 */
export async function describeError(error: unknown, options: DescribeOptions): Promise<Description> {
  const { text, exitCode } = await describe(error, options);
  // Build errors are shown with their source, in colour: each part has been looked at.
  if (error instanceof Error && BUILD_ERRORS.has(error.name)) return { text, exitCode };
  return { text: visibleLines(text), exitCode };
}

const BUILD_ERRORS: ReadonlySet<string> = new Set(['BuildError', 'DockerfileError']);

async function describe(error: unknown, options: DescribeOptions): Promise<Description> {
  const { failure, program } = options;
  if (!(error instanceof Error)) return { text: `${program}: ${String(error)}`, exitCode: failure };
  switch (error.name) {
    case 'UsageError':
    case 'OptionError': {
      const exitCode = error.name === 'OptionError' ? ExitCode.tool : failure;
      return { text: `${program}: ${error.message}.\nSee '${program} --help'.`, exitCode };
    }
    case 'AbortError':
      return { text: `${program}: canceled`, exitCode: 130 };
    case 'BuildError':
    case 'DockerfileError': {
      const { colour, describeBuild } = options;
      return { text: (await describeBuild?.(error, { colour })) ?? error.message, exitCode: failure };
    }
    case 'SandboxError':
      return { text: `${program}: ${error.message}`, exitCode: sandboxStatus(error) };
    case 'ApiError':
    case 'RuntimeError':
    case 'RegistryError':
    case 'StoreError':
    case 'OperationError':
      return { text: `${program}: ${error.message}${await hintOf(error)}`, exitCode: failure };
    default:
      return { text: `${program}: ${unexpected(error)}${await hintOf(error)}`, exitCode: failure };
  }
}

/** Docker's 127 and 126 for a command that is not there or cannot be executed. */
function sandboxStatus(error: Error): number {
  const { code } = error as Error & { readonly code?: string };
  if (code === 'NOT_FOUND') return ExitCode.notFound;
  if (code === 'NOT_EXECUTABLE') return ExitCode.notExecutable;
  return ExitCode.tool;
}

async function hintOf(error: Error): Promise<string> {
  const { diskHint } = await import('../api/disk-hint.ts');
  const hint = (error as Error & { readonly hint?: string }).hint ?? diskHint(error);
  return hint === undefined ? '' : `\n  ${hint}`;
}

/** A failure of the system, or a defect: the message, and the stack for whoever asked for it. */
function unexpected(error: Error): string {
  if (process.env.TSBUILD_DEBUG) return error.stack ?? error.message;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  const [, meaning] = (errno !== undefined && getSystemErrorMap().get(errno)) || [];
  if (meaning === undefined || syscall === undefined) return error.message;
  return `${[syscall, path].filter(Boolean).join(' ')}: ${meaning}`;
}
