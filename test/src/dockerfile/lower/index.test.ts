import { expect, test } from 'vitest';
import type { Finding } from '../../../../src/dockerfile/checks/finding.ts';
import { renderError } from '../../../../src/dockerfile/excerpt.ts';
import { lowerDockerfile } from '../../../../src/dockerfile/lower/index.ts';
import { DockerfileError } from '../../../../src/dockerfile/source.ts';
import { dockerfileCases } from '../../../support/dockerfile-cases.ts';
import { readable, requestOf } from '../../../support/lower-fixture.ts';

test.each(dockerfileCases('llb.json'))('lowerDockerfile() makes the graph of $name', async (example) => {
  const findings: Finding[] = [];
  const build = await lowerDockerfile({
    ...requestOf(example),
    warn: (finding) => findings.push(finding),
  });
  const graph = readable(build, findings);
  await expect(`${JSON.stringify(graph, undefined, 1)}\n`).toMatchFileSnapshot(example.expected);
});

test.each(dockerfileCases('error.txt'))('lowerDockerfile() refuses $name', async (example) => {
  const error: unknown = await lowerDockerfile(requestOf(example)).then(
    () => undefined,
    (reason) => reason,
  );
  if (!(error instanceof DockerfileError)) throw error ?? new Error('no error');
  await expect(`${error.code}\n${await renderError(error)}\n`).toMatchFileSnapshot(example.expected);
});
