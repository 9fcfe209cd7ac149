// What the bundles of the commands are spared when they start.
import { readFileSync } from 'node:fs';

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
