// What the bundles of the commands are spared when they start.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, transform } from 'esbuild';

/** What of built-in modules few starts need; the modules cost each start 0.2 to 5 ms. */
const rarelyUsed = {
  'node:child_process': ['spawn'], // also what commander, itself always loaded, has for subcommands in other files
  'node:crypto': ['createHash', 'createPrivateKey', 'randomBytes', 'sign'], // brings node:stream with it
  'node:dns': ['lookup'], // reads the configuration of the name service when it is loaded
  'node:fs/promises': ['open'], // brings node:readline with it
  'node:module': ['createRequire'], // for koffi where its addon is not found, and for the process that empties the trash
  'node:net': ['BlockList', 'connect', 'createServer', 'isIP', 'Socket'],
  'node:stream': ['addAbortSignal', 'Duplex', 'PassThrough', 'pipeline', 'Readable', 'Transform', 'Writable'],
  'node:stream/consumers': ['buffer'],
  'node:stream/promises': ['finished', 'pipeline'],
  'node:string_decoder': ['StringDecoder'],
  'node:timers/promises': ['setImmediate', 'setTimeout'],
  'node:v8': ['serialize', 'deserialize'],
};

/** Loads those modules when one of the names is used. A name that is missing above fails the build. */
export const loadAtCall = {
  name: 'load-at-call',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:/ }, ({ path, kind, namespace, importer }) =>
      path in rarelyUsed && kind !== 'dynamic-import' && namespace !== 'at-call'
        ? { path, namespace: 'at-call', errors: missing(path, importer) }
        : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'at-call' }, ({ path }) => ({
      contents: rarelyUsed[path].some(isClass) ? gettersOf(path) : callsOf(path),
    }));
  },
};

function missing(path, importer) {
  const [, names = ''] =
    readFileSync(importer, 'utf8').match(new RegExp(`import \\{([^}]*)\\} from '${path}'`)) ?? [];
  return names
    .split(',')
    .map((name) => name.trim().split(' as ')[0])
    .filter((name) => name !== '' && !name.startsWith('type ') && !rarelyUsed[path].includes(name))
    .map((name) => ({
      text: `build-plugins.mjs does not list ${name} of ${path}, which ${importer} imports`,
    }));
}

const isClass = (name) => /^[A-Z]/.test(name);

const callsOf = (path) =>
  rarelyUsed[path]
    .map((name) => `export const ${name} = (...args) => require('${path}').${name}(...args);`)
    .join('\n');

/** What is made with `new` or named in a type test cannot be a function of ours. */
const gettersOf = (path) =>
  rarelyUsed[path]
    .map(
      (name) =>
        `Object.defineProperty(exports, '${name}', { enumerable: true, get: () => require('${path}').${name} });`,
    )
    .join('\n');

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
