import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../fixtures/builds');

/** A file of fixtures/builds; fixtures/README.md tells what the fields are. */
export interface BuildCase {
  readonly about: string;
  readonly files?: Readonly<Record<string, BuildFile>>;
  readonly repository?: { readonly of: string; readonly time: number };
  readonly served?: Readonly<Record<string, { readonly file: string; readonly lastModified?: string }>>;
  readonly runs: readonly BuildRun[];
  readonly image?: Readonly<Record<string, unknown>>;
  readonly written?: Readonly<Record<string, unknown>>;
}

export type BuildFile =
  | string
  | { readonly symlink: string }
  | { readonly tar: Readonly<Record<string, string>>; readonly mtime?: number };

export interface BuildRun {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file of the case. */
  readonly stdin?: string;
  /** Expected. */
  readonly code?: number;
  readonly stdout?: readonly string[];
  readonly messages?: readonly string[];
}

export interface NamedBuildCase {
  readonly name: string;
  readonly file: string;
  readonly given: BuildCase;
}

export function buildCases(): readonly NamedBuildCase[] {
  return readdirSync(folder)
    .sort()
    .map((entry) => {
      const file = join(folder, entry);
      const given = JSON.parse(readFileSync(file, 'utf8')) as BuildCase;
      return { name: entry.replace(/\.json$/, ''), file, given };
    });
}

/** Makes a repository out of a directory, and a bare one beside it that a plain file server can give away. */
export function makeRepository(directory: string, bare: string, time: number): void {
  const date = `${time} +0000`;
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.test'];
  const git = (cwd: string, ...args: readonly string[]) =>
    execFileSync('git', [...identity, ...args], {
      cwd,
      stdio: 'pipe',
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
      },
    });
  git(directory, 'init', '-q', '-b', 'main');
  git(directory, 'add', '-A');
  git(directory, 'commit', '-q', '-m', 'first');
  git(directory, 'clone', '-q', '--bare', '.', bare);
  git(bare, 'update-server-info');
}

/** Serves files by path until it is closed. */
export async function serveFiles(
  find: (path: string) => { readonly file: string; readonly lastModified?: string } | undefined,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const found = find(new URL(request.url ?? '/', 'http://x').pathname);
    try {
      const bytes = readFileSync(found?.file ?? '');
      const headers = found?.lastModified === undefined ? {} : { 'last-modified': found.lastModified };
      response.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
