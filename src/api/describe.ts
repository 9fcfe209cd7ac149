import { renderError, renderExcerpt } from '../dockerfile/excerpt.ts';
import { DockerfileError } from '../dockerfile/source.ts';
import { BuildError } from './build-error.ts';
import { diskHint } from './disk-hint.ts';

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
