// Bundles each command into one file, so that starting it reads one file and runs only what it uses.
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
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

/** Functions of built-in modules that few starts need, and modules that cost each start 0.5 to 5 ms. */
const rarelyUsed = {
  'node:child_process': ['spawn'], // also what commander, itself always loaded, has for subcommands in other files
  'node:stream/consumers': ['buffer'],
  'node:v8': ['serialize', 'deserialize'],
};

/** Loads those modules when one of the functions is called. A function that is missing above fails the build. */
const loadAtCall = {
  name: 'load-at-call',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:/ }, ({ path, kind, namespace }) =>
      path in rarelyUsed && kind !== 'dynamic-import' && namespace !== 'at-call'
        ? { path, namespace: 'at-call' }
        : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'at-call' }, ({ path }) => ({
      contents: rarelyUsed[path]
        .map((name) => `export const ${name} = (...args) => require('${path}').${name}(...args);`)
        .join('\n'),
    }));
  },
};

const scripts = {
  ...common,
  format: 'cjs',
  minify: true,
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': '__moduleUrl' },
  // Built-in modules are required where they are imported lazily: that leaves the loader of ECMAScript modules out.
  supported: { 'dynamic-import': false },
};
const moduleUrl = "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;";

// Node looks for some options of its own (--env-file) behind the script's name too, unless `--` stands before it. The
// second line is a command to the shell and a comment to Node.
const START = `#!/bin/sh\n':' //; exec node -- "$0" "$@"`;

// A command is its bundle, and a launcher that runs it.
for (const name of ['tsbuild', 'tsrun', 'tsctr']) {
  await build({
    ...scripts,
    banner: { js: moduleUrl },
    outExtension: {},
    outdir: 'dist/commands',
    entryPoints: { [name]: `src/cli/${name}.ts` },
    plugins: [loadAtCall],
  });
  const digest = createHash('sha256')
    .update(readFileSync(`dist/commands/${name}.js`))
    .digest('hex')
    .slice(0, 16);
  await build({
    ...scripts,
    banner: { js: START },
    entryPoints: { [name]: 'src/cli/launch.ts' },
    define: { BUNDLE: JSON.stringify(name), BUNDLE_DIGEST: JSON.stringify(digest) },
  });
  chmodSync(`dist/${name}.cjs`, 0o755);
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
