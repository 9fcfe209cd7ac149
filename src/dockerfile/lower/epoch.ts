import { DockerfileError } from '../source.ts';
import type { PlanInput } from './plan.ts';

/**
 * SOURCE_DATE_EPOCH in seconds: as the request has it, else from the build argument or the global ARG of that name.
 * `context` says nothing for a context that is a directory. Throws for anything else that is no whole number.
 */
export function sourceDateEpoch({
  request,
  globals,
  source,
}: Omit<PlanInput, 'isContext'>): number | undefined {
  if (request.epoch !== undefined) return request.epoch;
  const value = request.buildArgs.SOURCE_DATE_EPOCH ?? globals.get('SOURCE_DATE_EPOCH') ?? '';
  if (value === '' || value === 'context') return undefined;
  if (/^-?\d+$/.test(value)) return Number(value);
  throw new DockerfileError(
    'BAD_ARGUMENT',
    `invalid SOURCE_DATE_EPOCH: ${value}`,
    source,
    [],
    'Give seconds since 1970, such as the time of the last commit: git log -1 --format=%ct',
  );
}

/** As history and configs write a time: `2021-01-01T00:00:00Z`. */
export function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, 'Z');
}
