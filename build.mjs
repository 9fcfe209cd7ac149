// Bundles each command into one file, so that starting it reads one file and runs only what it uses.
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { lazyModules } from './build-lazy.mjs';
import { loadAtCall } from './build-plugins.mjs';

/** The seccomp filter of an ordinary container on this architecture: src/sandbox/seccomp-default.ts. */
async function builtSeccomp() {
  const contents = `export * from './src/sandbox/seccomp-default.ts'; export * from './src/sandbox/capabilities.ts';`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.', loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    external: ['koffi'],
    logLevel: 'warning',
  });
  const module = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
  return module.buildProgram(module.DEFAULT_CAPABILITIES);
}

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
  define: {
    PACKAGE_VERSION: JSON.stringify(JSON.parse(readFileSync('package.json', 'utf8')).version),
    BUILT_SECCOMP: JSON.stringify(await builtSeccomp()),
  },
};

const scripts = {
  ...common,
  format: 'cjs',
  minifyWhitespace: true,
  minifySyntax: true,
  // Profiles are read by people.
  minifyIdentifiers: process.env.BUILD_NAMES === undefined,
  outExtension: { '.js': '.cjs' },
  define: { ...common.define, 'import.meta.url': '__module.url', 'import.meta.dirname': '__dirname' },
  // Built-in modules are required where they are imported lazily: that leaves the loader of ECMAScript modules out.
  supported: { 'dynamic-import': false },
};
// Asked for by few starts.
const moduleUrl = "const __module={get url(){return require('node:url').pathToFileURL(__filename).href}};";

// To a shell these lines are a script, to Node a string and a comment. `--` is why: Node looks for options of its own,
// --env-file among them, also behind the script's name. And with NODE_EXTRA_CA_CERTS Node 20 reads every certificate
// at each start, which takes longer than all the rest; src/cli/launch.ts puts it back.
const start = [
  '#!/bin/sh',
  `":" //; [ -z "$NODE_EXTRA_CA_CERTS" ] || export TSBUILD_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"`,
  `":" //; unset NODE_EXTRA_CA_CERTS; exec node -- "$0" "$@"`,
].join('\n');

// A command is its bundle, which is one function, and a launcher that runs it.
const commands = {
  tsbuild: 'src/cli/tsbuild.ts',
  tsrun: 'src/cli/tsrun.ts',
  tsctr: 'src/cli/tsctr.ts',
  supervisor: 'src/runtime/supervisor/main.ts',
};
for (const [name, entry] of Object.entries(commands)) {
  await build({
    ...scripts,
    banner: { js: `(function(exports,require,module,__filename,__dirname,__ran){${moduleUrl}` },
    footer: { js: '})' },
    outExtension: {},
    outdir: 'dist/commands',
    entryPoints: { [name]: entry },
    // With theirs in reach of all modules, esbuild would have each of them look for it.
    define: {},
    plugins: [lazyModules(scripts.define), loadAtCall],
  });
  const digest = createHash('sha256')
    .update(readFileSync(`dist/commands/${name}.js`))
    .digest('hex')
    .slice(0, 16);
  await build({
    ...scripts,
    banner: { js: start },
    entryPoints: { [name]: 'src/cli/launch.ts' },
    define: { BUNDLE: JSON.stringify(name), BUNDLE_DIGEST: JSON.stringify(digest) },
  });
  chmodSync(`dist/${name}.cjs`, 0o755);
}
await build({
  ...scripts,
  banner: { js: moduleUrl },
  entryPoints: {
    init: 'src/sandbox/init.ts',
    'diff-worker': 'layers/diff/diff-worker.ts',
    'encode-worker': 'layers/diff/encode-worker.ts',
  },
  plugins: [loadAtCall],
});
await build({
  ...common,
  format: 'esm',
  packages: 'external',
  entryPoints: { index: 'src/index.ts', layers: 'layers/index.ts' },
});
