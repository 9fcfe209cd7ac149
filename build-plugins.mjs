// What the bundles of the commands are spared when they start.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, transform } from 'esbuild';

/** Functions of built-in modules that few starts need, and modules that cost each start 0.5 to 5 ms. */
const rarelyUsed = {
  'node:child_process': ['spawn'], // also what commander, itself always loaded, has for subcommands in other files
  'node:crypto': ['createHash', 'createPrivateKey', 'randomBytes', 'sign'], // brings node:stream with it
  'node:dns': ['lookup'], // reads the configuration of the name service when it is loaded
  'node:fs/promises': ['open'], // brings node:readline with it
  'node:module': ['createRequire'], // for koffi where its addon is not found, and for the process that empties the trash
  'node:stream/consumers': ['buffer'],
  'node:v8': ['serialize', 'deserialize'],
};

/** Loads those modules when one of the functions is called. A function that is missing above fails the build. */
export const loadAtCall = {
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

/**
 * The command lines import the library through its one door, src/index.ts. In a bundle of many commands, where modules
 * run when they are first needed, that door would run all of the library for each: here every name is imported from the
 * module that has it.
 */
export const directImports = {
  name: 'direct-imports',
  async setup(bundler) {
    const index = resolve('src/index.ts');
    const homes = await homesOf(index);
    bundler.onLoad({ filter: /\/src\/cli\/.*\.ts$/ }, async ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!source.includes('/index.ts')) return undefined;
      const { code } = await transform(source, { loader: 'ts', target: 'node20', sourcefile: path });
      const contents = code.replace(/import \{([^}]*)\} from "([^"]+)";/g, (statement, names, from) =>
        resolve(dirname(path), from) === index ? imports(dirname(path), names, homes) : statement,
      );
      return { contents, loader: 'js' };
    });
  },
};

function imports(folder, names, homes) {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .map((name) => {
      const home = homes.get(name.split(' as ')[0]);
      if (home === undefined) throw new Error(`${folder} imports ${name}, which src/index.ts has not`);
      return `import { ${name} } from ${JSON.stringify(`./${relative(folder, home)}`)};`;
    })
    .join('\n');
}

/** Which module each name that the index hands on is from. */
async function homesOf(index) {
  const { code } = await transform(readFileSync(index, 'utf8'), { loader: 'ts' });
  const homes = new Map();
  for (const [, names, from] of code.matchAll(/export (\*|\{[^}]*\}) from "([^"]+)";/g)) {
    const home = join(dirname(index), from);
    const found = names === '*' ? await exportsOf(home) : names.slice(1, -1).split(',');
    for (const name of found) homes.set(name.trim(), home);
  }
  return homes;
}

async function exportsOf(module) {
  const { metafile } = await build({ entryPoints: [module], metafile: true, write: false, format: 'esm' });
  return Object.values(metafile.outputs)[0].exports;
}
