import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe } from 'vitest';
import { DEFAULT_CAPABILITIES } from '../../src/sandbox/capabilities.ts';
import { capabilitySets, DEFAULT_NAMESPACES, defaultConfinement, defaultMounts } from '../../src/sandbox/defaults.ts';
import { launch } from '../../src/sandbox/launch.ts';
import type { ExitStatus, LaunchOptions, StartMechanism } from '../../src/sandbox/sandbox.ts';
import type { Linux, Process, Spec } from '../../src/sandbox/spec.ts';
import { useInitBundle } from '../../src/sandbox/start-reexec.ts';
import { makeBusyboxRoot, rootfsProblem, type TestRoot } from './busybox-rootfs.ts';

const mechanisms = ['vfork', 'reexec'] as const;

export interface SpecChanges {
  readonly process?: Partial<Process>;
  readonly linux?: Partial<Linux>;
  readonly mounts?: Spec['mounts'];
  readonly root?: Partial<Spec['root']>;
  readonly hostname?: string;
}

/** Docker's defaults, running a shell script. */
export function shellSpec(script: string, changes: SpecChanges = {}): Spec {
  const uid = changes.process?.user?.uid ?? 0;
  return {
    ociVersion: '1.2.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', script],
      env: ['PATH=/usr/bin:/bin'],
      cwd: '/',
      capabilities: capabilitySets(DEFAULT_CAPABILITIES, uid),
      ...changes.process,
    },
    root: { path: '/nonexistent', ...changes.root },
    hostname: changes.hostname ?? 'box',
    mounts: changes.mounts ?? defaultMounts(),
    linux: { namespaces: DEFAULT_NAMESPACES, ...defaultConfinement(), ...changes.linux },
  };
}

export interface Finished extends ExitStatus {
  readonly stdout: string;
  readonly stderr: string;
  readonly stubs: readonly string[];
}

/** Runs to the end, and collects the output. */
export async function runContainer(spec: Spec, options: Omit<LaunchOptions, 'stdio'>): Promise<Finished> {
  const running = await launch(spec, { ...options, stdio: { kind: 'pipes', stdin: 'null' } });
  const [stdout, stderr, status] = await Promise.all([text(running.stdout!), text(running.stderr!), running.wait()]);
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

/** Bundles init.ts as build.mjs does; it must lie where the native addon is found. Returns what removes it. */
export async function bundleInit(): Promise<() => void> {
  const project = resolve(import.meta.dirname, '../..');
  const directory = mkdtempSync(join(project, 'test/.init-'));
  const outfile = join(directory, 'init.cjs');
  await build({
    entryPoints: [join(project, 'src/sandbox/init.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['koffi', '@koromix/*'],
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
  });
  useInitBundle(outfile);
  return () => rmSync(directory, { recursive: true });
}
