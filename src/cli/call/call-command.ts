import { type BuildRequest, checkDockerfile, describeChecks, outline, targets } from '../../index.ts';
import { describeBuildError } from '../describe-build-error.ts';
import { describeError } from '../describe-error.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import { checkJson, outlineJson, targetsJson } from './call-json.ts';
import type { Call } from './call-option.ts';
import { outlineText, targetsText } from './call-text.ts';

/** `tsbuild --check` and `--call`: prints what the Dockerfile holds, and builds nothing. */
export async function callCommand(call: Call, request: BuildRequest): Promise<number> {
  switch (call.method) {
    case 'check':
      return check(call, request);
    case 'outline': {
      const result = await outline(request);
      stdout.write(
        call.format === 'json' ? outlineJson(result.source, result.outline) : outlineText(result.outline),
      );
      return ExitCode.ok;
    }
    case 'targets': {
      const result = await targets(request);
      stdout.write(
        call.format === 'json' ? targetsJson(result.source, result.targets) : targetsText(result.targets),
      );
      return ExitCode.ok;
    }
  }
}

async function check(call: Call, request: BuildRequest): Promise<number> {
  const checked = await checkDockerfile(request);
  const colour = stdout.isTerminal;
  stdout.write(call.format === 'json' ? checkJson(checked) : describeChecks(checked, { colour }));
  const { error } = checked;
  if (error?.code === 'LINT') process.stderr.write(`ERROR: ${error.message}\n`);
  else if (error !== undefined) {
    const { text } = await describeError(error, {
      program: 'tsbuild',
      failure: ExitCode.failure,
      colour: process.stderr.isTTY === true,
      describeBuild: describeBuildError,
    });
    process.stderr.write(`${text}\n`);
  }
  const failed = checked.findings.length > 0 || error !== undefined;
  return failed && !call.ignoreStatus ? ExitCode.failure : ExitCode.ok;
}
