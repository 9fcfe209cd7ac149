import { writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { build, type OpenStep } from '../index.ts';
import { buildNotices } from './build-notices.ts';
import { type BuildOptionValues, buildRequest } from './build-options.ts';
import { parseCall } from './call/call-option.ts';
import { ExitCode } from './exit-status.ts';
import { openShell, requireTerminal } from './failed-step-shell.ts';
import { StopSignals } from './interruptible.ts';
import { stderr, stdout } from './output.ts';
import { type ProgressView, progressView } from './progress/view.ts';
import { warn } from './warn.ts';

/** `tsbuild`, and `tsctr build`: builds, shows progress on standard error, prints what scripts need. */
export async function buildCommand(values: BuildOptionValues, context: string): Promise<number> {
  const quiet = values.quiet === true;
  const request = buildRequest(values, context);
  const notices = buildNotices(values);
  const call = parseCall(values.check === true ? 'check' : ((values.print ?? values.call) as string));
  if (call !== undefined) {
    const { callCommand } = await import('./call/call-command.ts');
    return callCommand(call, request);
  }
  for (const line of notices) if (!quiet || line.startsWith('WARNING')) warn(line);
  const opensShell = values.onError === 'shell';
  if (opensShell) requireTerminal();
  if (request.outputs?.some((output) => 'dest' in output && output.dest === '-')) stdout.open();
  const stop = new StopSignals();
  const view = endingOnce(
    progressView(quiet ? 'quiet' : (values.progress as string), stderr, {
      expand: values.debug === true,
    }),
  );
  let isTold = false;
  const onFailedStep = async (step: OpenStep) => {
    isTold = true;
    // What has been reported up to here is shown first.
    await setImmediate();
    view.finish();
    await openShell(step, stop.signal);
  };
  try {
    const building = build({ ...request, ...(opensShell && { onFailedStep }), signal: stop.signal });
    for await (const event of building) view.show(event);
    const result = await building.result;
    view.finish(result.image === undefined ? { names: [] } : result);
    if (values.iidfile !== undefined) writeFileSync(values.iidfile as string, result.imageId ?? '');
    if (values.metadataFile !== undefined) writeFileSync(values.metadataFile as string, metadata(result));
    if (quiet && result.imageId !== undefined) stdout.write(`${result.imageId}\n`);
    return ExitCode.ok;
  } catch (error) {
    view.finish();
    if (stop.exitStatus === undefined && isTold) {
      stderr.write(`ERROR: ${(error as Error).message}\n`);
      return ExitCode.failure;
    }
    if (stop.exitStatus === undefined) throw error;
    stderr.write('ERROR: canceled\n');
    return stop.exitStatus;
  } finally {
    stop.release();
  }
}

/** Shows nothing more once it has ended. */
function endingOnce(view: ProgressView): ProgressView {
  let hasEnded = false;
  return {
    show: (event) => {
      if (!hasEnded) view.show(event);
    },
    finish(outcome) {
      if (hasEnded) return;
      hasEnded = true;
      view.finish(outcome);
    },
  };
}

/** buildx' keys for what was built. */
function metadata(result: Awaited<ReturnType<typeof build>['result']>): string {
  const isIndex = result.imageId === result.image?.digest;
  const fields = {
    ...(result.imageId && !isIndex && { 'containerimage.config.digest': result.imageId }),
    ...(result.image && {
      'containerimage.descriptor': result.image,
      'containerimage.digest': result.image.digest,
    }),
    ...(result.names.length > 0 && { 'image.name': result.names.join(',') }),
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}
