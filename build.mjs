// Bundles each command into one file, so that starting it reads one file and runs only what it uses.
import { existsSync } from 'node:fs';
import { build } from 'esbuild';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  charset: 'ascii',
  // Native, and loaded by path: see layers/linux/koffi.ts.
  external: ['koffi', '@koromix/*'],
  logLevel: 'warning',
  legalComments: 'none',
  outdir: 'dist',
};

const entries = (paths) => Object.fromEntries(Object.entries(paths).filter(([, path]) => existsSync(path)));

const scripts = {
  ...common,
  format: 'cjs',
  minify: true,
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': '__moduleUrl' },
};
const moduleUrl = "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;";

await build({
  ...scripts,
  banner: { js: `#!/usr/bin/env node\n${moduleUrl}` },
  entryPoints: entries({
    tsbuild: 'src/cli/tsbuild.ts',
    tsrun: 'src/cli/tsrun.ts',
    tsctr: 'src/cli/tsctr.ts',
  }),
});
await build({
  ...scripts,
  banner: { js: moduleUrl },
  entryPoints: entries({ init: 'src/sandbox/init.ts', 'diff-worker': 'layers/diff/diff-worker.ts' }),
});
await build({
  ...common,
  format: 'esm',
  packages: 'external',
  entryPoints: entries({ index: 'src/index.ts', layers: 'layers/index.ts' }),
});
