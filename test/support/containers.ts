import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe } from 'vitest';
import { launch } from '../../src/sandbox/launch.ts';
import type { ExitStatus, LaunchOptions, StartMechanism } from '../../src/sandbox/sandbox.ts';
import type { Spec } from '../../src/sandbox/spec.ts';
import { useInitBundle } from '../../src/sandbox/start-reexec.ts';
import { makeBusyboxRoot, rootfsProblem, type TestRoot } from './busybox-rootfs.ts';
import { type SpecChanges, shellSpec } from './specs.ts';

const mechanisms = ['vfork', 'reexec'] as const;

export interface Finished extends ExitStatus {
  readonly stdout: string;
  readonly stderr: string;
  readonly stubs: readonly string[];
}

/** Runs to the end, and collects the output. */
export async function runContainer(spec: Spec, options: Omit<LaunchOptions, 'stdio'>): Promise<Finished> {
  const running = await launch(spec, { ...options, stdio: { kind: 'pipes', stdin: 'null' } });
  const [stdout, stderr, status] = await Promise.all([
    text(running.stdout!),
    text(running.stderr!),
    running.wait(),
  ]);
  return { ...status, stdout, stderr, stubs: running.stubs };
}

export async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += chunk;
  return all;
}

export interface Containers {
  readonly mechanism: StartMechanism;
  root(): TestRoot;
  /** Runs a shell script with Docker's defaults, in a new upper directory unless told otherwise. */
  run(script: string, changes?: SpecChanges, options?: Partial<LaunchOptions>): Promise<Finished>;
}

/** The same suite for each start mechanism. Without the means for it, it is skipped, and says so. */
export function describeContainers(title: string, suite: (containers: Containers) => void): void {
  if (rootfsProblem !== undefined) console.log(`skipped: ${title}: ${rootfsProblem}`);
  describe.skipIf(rootfsProblem !== undefined).each(mechanisms)(`${title}, by %s`, (mechanism) => {
    let made: TestRoot;
    let removeBundle: () => void;
    beforeAll(async () => {
      made = makeBusyboxRoot();
      removeBundle = await bundleInit();
    });
    afterAll(() => {
      made.remove();
      removeBundle();
    });
    suite({
      mechanism,
      root: () => made,
      run: (script, changes, options) =>
        runContainer(shellSpec(script, changes), { overlay: made.overlay(), mechanism, ...options }),
    });
  });
}

/** Bundles init.ts, and has it used. Returns what removes it. */
export async function bundleInit(): Promise<() => void> {
  const { path, remove } = await bundle('src/sandbox/init.ts', 'cjs');
  useInitBundle(path);
  return remove;
}

/** Bundles a program as build.mjs does. It lies in the project, since the native addon is looked for from there. */
export async function bundle(
  source: string,
  format: 'cjs' | 'esm',
): Promise<{ path: string; remove(): void }> {
  const project = resolve(import.meta.dirname, '../..');
  const directory = mkdtempSync(join(project, 'test/.bundle-'));
  const path = join(directory, format === 'cjs' ? 'program.cjs' : 'program.mjs');
  const url = "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;";
  await build({
    entryPoints: [join(project, source)],
    outfile: path,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format,
    external: ['koffi', '@koromix/*'],
    ...(format === 'cjs' && {
      define: { 'import.meta.url': '__moduleUrl', 'import.meta.dirname': '__dirname' },
      banner: { js: url },
    }),
  });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
