import { type Command, CommanderError } from 'commander';
import { type DescribeBuild, describeError } from './describe-error.ts';
import { endOnceIdle } from './end-once-idle.ts';
import { ExitCode } from './exit-status.ts';
import { stdout } from './output.ts';

/** Commander's codes for options that cannot be read. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'commander.unknownOption',
  'commander.optionMissingArgument',
]);

export interface MainOptions {
  /** Exit status of failures that have none of their own. */
  readonly failure?: number;
  readonly describeBuild?: DescribeBuild;
}

/**
 * Runs a command's body and turns what it throws into text on standard error and an exit status. The process ends when
 * nothing is left to do, so that output that is still being written is not cut.
 */
export async function runMain(
  program: string,
  body: () => Promise<number>,
  { failure = ExitCode.failure, describeBuild }: MainOptions = {},
): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are no failures; commander has printed its text already.
      process.exitCode =
        error.exitCode === 0 ? ExitCode.ok : UNREADABLE.has(error.code) ? ExitCode.tool : failure;
      return;
    }
    const { text, exitCode } = await describeError(error, {
      program,
      failure,
      colour: process.stderr.isTTY === true,
      ...(describeBuild && { describeBuild }),
    });
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  } finally {
    endOnceIdle();
  }
}

/**
 * A reader that has gone (`tsctr images | head`) is no reason for a stack trace. Not for commands that may share their
 * output with a container: this makes it non-blocking.
 */
export function endQuietlyWithoutReader(): void {
  stdout.onceOpen((stream) => {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(ExitCode.failure);
    });
  });
}

/** A command that throws instead of exiting, and whose complaints look like all others of this program. */
export function withMessages(command: Command): Command {
  const name = command.name();
  return command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const message = text.replace(/^error: /, '').trimEnd();
      write(`${name}: ${message}\nSee '${name} --help'.\n`);
    },
  });
}
