// Bundles each command into one file, so that starting it reads one file and runs only what it uses.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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

/** commander needs it only for subcommands that are programs of their own, and it costs 2 to 5 ms at each start. */
const lazyChildProcess = {
  name: 'lazy-child-process',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:child_process$/ }, ({ path, importer, kind }) =>
      kind === 'require-call' && importer.includes('/commander/') ? { path, namespace: 'lazy' } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
      contents: `module.exports = { spawn: (...args) => require('${path}').spawn(...args) };`,
    }));
  },
};

const scripts = {
  ...common,
  format: 'cjs',
  minify: true,
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': '__moduleUrl' },
  // Built-in modules are required where they are imported lazily: the loader of ECMAScript modules costs 3 ms.
  supported: { 'dynamic-import': false },
};
const moduleUrl = "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;";

// A command is its bundle, and a launcher that runs it.
for (const name of ['tsbuild', 'tsrun', 'tsctr']) {
  await build({
    ...scripts,
    banner: { js: moduleUrl },
    outExtension: {},
    outdir: 'dist/commands',
    entryPoints: { [name]: `src/cli/${name}.ts` },
    plugins: [lazyChildProcess],
  });
  const digest = createHash('sha256')
    .update(readFileSync(`dist/commands/${name}.js`))
    .digest('hex')
    .slice(0, 16);
  await build({
    ...scripts,
    banner: { js: '#!/usr/bin/env node' },
    entryPoints: { [name]: 'src/cli/launch.ts' },
    define: { BUNDLE: JSON.stringify(name), BUNDLE_DIGEST: JSON.stringify(digest) },
  });
}
await build({
  ...scripts,
  banner: { js: moduleUrl },
  entryPoints: { init: 'src/sandbox/init.ts', 'diff-worker': 'layers/diff/diff-worker.ts' },
});
await build({
  ...common,
  format: 'esm',
  packages: 'external',
  entryPoints: { index: 'src/index.ts', layers: 'layers/index.ts' },
});
