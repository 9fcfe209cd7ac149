import type { Finding } from '../checks/finding.ts';
import { byLine } from '../checks/finding.ts';
import { lintError } from '../checks/finding-list.ts';
import { DockerfileError } from '../source.ts';
import { lowerTargets, type OpenDockerfile, openDockerfile } from './open.ts';
import type { LowerRequest } from './request.ts';

/** What the build checks say about a Dockerfile. */
export interface CheckReport {
  /** In the order of the file. */
  readonly findings: readonly Finding[];
  /** Why it could not be checked any further, or that findings are errors (`# check=error=true`). */
  readonly error?: DockerfileError;
}

/** Checks the stage that the request names with what it needs, or without a name every stage. Builds nothing. */
export async function checkStages(request: LowerRequest): Promise<CheckReport> {
  let file: OpenDockerfile | undefined;
  let foundBefore: readonly Finding[] = [];
  try {
    file = openDockerfile(request, (findings) => {
      foundBefore = findings;
    });
    await lowerTargets(file, request.target ? [file.target] : [...file.parts.stages.keys()]);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return { findings: byLine(file?.findings.found ?? foundBefore), error };
  }
  const { found, config } = file.findings;
  const error = lintError(found, config, request.source);
  return { findings: byLine(found), ...(error !== undefined && { error }) };
}
