import type { DescribeBuild } from './describe-error.ts';

/** What only programs that build have in them: the source of a Dockerfile, and what reads it. */
export const describeBuildError: DescribeBuild = async (error, options) =>
  (await import('../api/describe.ts')).describeBuildError(error, options);
