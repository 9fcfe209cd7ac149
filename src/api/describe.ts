import { renderError, renderExcerpt } from '../dockerfile/excerpt.ts';
import { DockerfileError } from '../dockerfile/source.ts';
import { visible } from '../dockerfile/visible.ts';
import { BuildError } from './build-error.ts';
import type { Checked } from './check.ts';
import { diskHint } from './disk-hint.ts';

/** What a check found, for a terminal: how much, then each finding with its rule, page and lines. Ends with a newline. */
export function describeChecks(
  { source, findings, error }: Checked,
  { colour }: { readonly colour: boolean },
): string {
  const stopped = error !== undefined && error.code !== 'LINT';
  if (findings.length === 0) return stopped ? '' : 'Check complete, no warnings found.\n';
  const count =
    findings.length === 1 ? '1 warning has been found' : `${findings.length} warnings have been found`;
  const warning = colour ? '\x1b[33mWARNING:\x1b[0m' : 'WARNING:';
  const blocks = findings.map(
    ({ rule, url, message, ranges }) =>
      `${warning} ${rule}${url === undefined ? '' : ` - ${url}`}\n${visible(message)}\n${renderExcerpt(source, ranges, { colour })}\n\n`,
  );
  return `Check ${stopped ? 'incomplete' : 'complete'}, ${count}!\n\n${blocks.join('')}`;
}

/** A failed build for a terminal: where, the lines, the end of the step's output, what went wrong, what to do. */
export async function describeBuildError(
  error: Error,
  options: { readonly colour: boolean },
): Promise<string> {
  if (error instanceof DockerfileError) return renderError(error, options.colour);
  if (!(error instanceof BuildError)) return error.message;
  const parts: string[] = [];
  if (error.output.length > 0) {
    parts.push(`------\n > ${error.step}:`, ...error.output, '------');
  }
  if (error.lines !== undefined) {
    parts.push(renderExcerpt(error.source, [error.lines], { colour: options.colour }));
  }
  parts.push(`ERROR: ${error.message}`);
  const hint = (error.cause as { readonly hint?: string }).hint ?? diskHint(error.cause);
  if (hint !== undefined) parts.push(`HINT: ${hint}`);
  return parts.join('\n');
}
