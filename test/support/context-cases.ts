import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { tarOf } from './tar-files.ts';
import { tempFolder } from './temp-folder.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/contexts');

/** expect.json of a folder of fixtures/contexts. */
export interface ContextExpectation {
  readonly about: string;
  /** What a checkout may not be able to hold, by its path in the context. */
  readonly context?: Readonly<
    Record<
      string,
      | { readonly symlink: string }
      | { readonly tar: Readonly<Record<string, string>> /** `dir/`: a directory. */ }
    >
  >;
  /** Of the image's config: these and no others are compared. */
  readonly config?: object;
  /** What differs from the base image, one line each as `shortListing` has it. */
  readonly files: Readonly<Record<string, string>>;
  /** Paths of the base image that are no more. */
  readonly gone?: readonly string[];
}

export interface ContextCase {
  readonly name: string;
  readonly expected: ContextExpectation;
}

/** The cases that have an expectation. */
export function contextCases(): ContextCase[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => existsSync(join(folder, name, 'expect.json')))
    .map((name) => ({
      name,
      expected: JSON.parse(readFileSync(join(folder, name, 'expect.json'), 'utf8')) as ContextExpectation,
    }));
}

/** Puts the context of a case together in a folder of its own. */
export function makeContext({ name, expected }: ContextCase): string {
  const directory = join(tempFolder(), 'context');
  cpSync(join(folder, name), directory, { recursive: true });
  rmSync(join(directory, 'expect.json'));
  // As a checkout with the usual umask has them, whatever this one's is.
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  for (const [path, entry] of Object.entries(expected.context ?? {})) {
    const target = join(directory, path);
    if ('symlink' in entry) symlinkSync(entry.symlink, target);
    else writeFileSync(target, tarOf(Object.fromEntries(Object.entries(entry.tar).map(tarEntry))));
  }
  return directory;
}

function tarEntry([path, text]: [string, string]) {
  return [path, path.endsWith('/') ? ({ type: 'Directory', mode: 0o755 } as const) : text] as const;
}
