import { renderError, renderExcerpt, renderMessage, renderPlace } from '../dockerfile/excerpt.ts';
import { DockerfileError } from '../dockerfile/source.ts';
import type { WarningEvent } from '../progress/events.ts';
import { visible } from '../text/visible.ts';
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

/**
 * The warnings of a build as a list, each once: builds for several platforms find the same ones again. `expand` adds
 * what the rule is about, its page and the lines. Empty when there are none.
 */
export function describeWarnings(
  warnings: readonly WarningEvent[],
  { colour, expand }: { readonly colour: boolean; readonly expand: boolean },
): string {
  const entries = new Set(warnings.map((warning) => warningEntry(warning, colour, expand)));
  if (entries.size === 0) return '';
  const count = entries.size === 1 ? '1 warning found' : `${entries.size} warnings found`;
  const title = ` ${count}${expand ? '' : ' (use --debug to expand)'}:`;
  return `${colour ? `\x1b[33m${title}\x1b[0m` : title}\n${[...entries].join('')}`;
}

function warningEntry(
  { short, detail = [], url, source }: WarningEvent,
  colour: boolean,
  expand: boolean,
): string {
  const first = ` - ${visible(short)}\n`;
  if (!expand) return first;
  const more = [
    ...detail.map((line) => visible(line)),
    ...(url === undefined ? [] : [`More info: ${url}`]),
    ...(source === undefined ? [] : [renderExcerpt(source, source.ranges, { colour })]),
  ];
  return more.length === 0 ? first : `${first}${more.join('\n')}\n\n`;
}

/** A failed build for a terminal: where, the lines, the end of the step's output, what went wrong, what to do. */
export async function describeBuildError(
  error: Error,
  options: { readonly colour: boolean },
): Promise<string> {
  if (error instanceof DockerfileError) return renderError(error, options.colour);
  if (!(error instanceof BuildError)) return error.message;
  const { name, source, lines, output, log, subject, hint } = error.step;
  const parts: string[] = [];
  if (output.lines.length > 0) {
    const before = output.omitted === 0 ? [] : [`[${output.omitted} lines before]`];
    parts.push(`------\n > ${name}:`, ...before, ...output.lines, '------');
  }
  if (lines !== undefined) parts.push(await renderPlace(source, [lines], subject, options.colour));
  parts.push(...renderMessage(error.message, hint ?? diskHint(error.cause), options.colour));
  if (log !== undefined) parts.push(`LOG: ${log}`);
  return parts.join('\n');
}
