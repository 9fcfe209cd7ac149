import { type OpenStep, windowSize } from '../index.ts';
import { describeBuildError } from './describe-build-error.ts';
import { describeError } from './describe-error.ts';
import { ExitCode } from './exit-status.ts';
import { connectTerminal, terminalSize } from './own-terminal.ts';
import { UsageError } from './usage-error.ts';
import { warn } from './warn.ts';

/** Refuses `--on-error=shell` where nobody could type into it, before anything is built. */
export function requireTerminal(): void {
  if (windowSize(0) !== undefined && windowSize(1) !== undefined) return;
  throw new UsageError(
    '--on-error=shell needs a terminal, and this is none: leave it out, and read the log that the error names',
  );
}

/** Tells of the failure and opens a shell in the step, on our terminal, until the user leaves it. */
export async function openShell(step: OpenStep, signal: AbortSignal): Promise<void> {
  const { error, shell } = step;
  const options = {
    program: 'tsbuild',
    failure: ExitCode.failure,
    colour: true,
    describeBuild: describeBuildError,
  };
  warn((await describeError(error, options)).text);
  const { source, lines } = error.step;
  const place = lines === undefined ? '' : ` at ${source.file}:${lines.start}`;
  warn(`\nThis is ${shell} in the step${place}, as its command left it. Leaving it ends the build.`);
  try {
    const running = await step.start([shell], { kind: 'terminal', ...terminalSize() }, signal);
    const release = connectTerminal(running, { keyboard: true });
    await running.wait().finally(release);
  } catch (cause) {
    warn(`Cannot open ${shell} in the failed step: ${(cause as Error).message}`);
  }
}
