import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';

const repository = resolve(import.meta.dirname, '../..');

/** Bundles a script of the tests (path from the repository's root) so that plain Node can run it. */
export function bundleScript(path: string): string {
  return bundle({ entryPoints: [join(repository, path)] });
}

/** The same of a module that is given as text. */
export function bundleSource(contents: string): string {
  return bundle({ stdin: { contents, resolveDir: repository } });
}

function bundle(entry: Pick<BuildOptions, 'entryPoints' | 'stdin'>): string {
  const outfile = join(tempFolder(), 'script.cjs');
  buildSync({
    ...entry,
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['koffi', '@koromix/*'],
    // Where packages are looked up from.
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(join(repository, 'package.json')).href),
      'import.meta.dirname': JSON.stringify(repository),
    },
  });
  return outfile;
}

/** Starts a bundled script; killed with the test if it still runs then. */
export function start(script: string, ...args: readonly string[]): ChildProcess {
  const env = { PATH: process.env.PATH };
  const child = fork(script, args, { execArgv: [], env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Resolves with the next message. Rejects when the process ends without one. */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
    throw new Error(`The process ended with ${code ?? signal}`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal: ended.signal }), exit]);
    return message;
  } finally {
    exit.catch(() => {});
    ended.abort();
  }
}

/** Resolves with the exit code. */
export async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const [code] = await once(child, 'exit');
  return code;
}

/** kill -9, and waits until it is over. */
export async function killHard(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await exitCode(child);
}
