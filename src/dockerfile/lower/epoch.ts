import { DockerfileError } from '../source.ts';
import type { PlanInput } from './plan.ts';

/** Seconds: 31 December 9999, the last day that RFC 3339 can write. */
const LATEST = 253_402_300_799;

/**
 * SOURCE_DATE_EPOCH in seconds: as the request has it, else from the build argument or the global ARG of that name.
 * `context` says nothing for a context that is a directory. Throws for anything else that is no whole number, and for times past the year 9999.
 */
export function sourceDateEpoch({
  request,
  globals,
  source,
  parts,
}: Omit<PlanInput, 'isContext'>): number | undefined {
  if (request.epoch !== undefined) return request.epoch;
  const given = request.buildArgs.SOURCE_DATE_EPOCH;
  const value = given ?? globals.get('SOURCE_DATE_EPOCH') ?? '';
  if (value === '' || value === 'context') return undefined;
  if (/^-?\d+$/.test(value) && Math.abs(Number(value)) <= LATEST) return Number(value);
  const declared = parts.globals.findLast(({ args }) => args.some(({ key }) => key === 'SOURCE_DATE_EPOCH'));
  throw new DockerfileError(
    'BAD_ARGUMENT',
    `invalid SOURCE_DATE_EPOCH: ${value}`,
    source,
    given === undefined && declared !== undefined ? [declared.range] : [],
    'Give seconds since 1970, such as the time of the last commit: git log -1 --format=%ct',
  );
}

/** As history and configs write a time: `2021-01-01T00:00:00Z`. */
export function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, 'Z');
}
