import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DockerfileSource } from '../../src/dockerfile/source.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/dockerfiles');

/** A folder of fixtures/dockerfiles. */
export interface DockerfileCase {
  readonly name: string;
  readonly source: DockerfileSource;
  /** Path of the expectation. */
  readonly expected: string;
}

/** The cases that have an expectation of this file name. */
export function dockerfileCases(expectation: string): DockerfileCase[] {
  return readdirSync(folder)
    .sort()
    .map((name) => ({
      name,
      expected: join(folder, name, expectation),
      source: { file: 'Dockerfile', text: readFileSync(join(folder, name, 'Dockerfile'), 'utf8') },
    }))
    .filter(({ expected }) => existsSync(expected));
}
