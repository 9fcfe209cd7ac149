// Modules that run when they are first used, for the bundles of the commands.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, transform } from 'esbuild';

/** Modules that hand on names of others. */
const DOORS = ['src/index.ts', 'layers/index.ts'];

/**
 * Every module of ours becomes a function that runs when one of its names is first used, not when it is imported: a
 * start runs the modules of what it does, and V8's compiled code holds nothing of all others but where they are. No
 * module does anything else when it runs (`sideEffects` in package.json), so that it does not matter when.
 */
export const lazyModules = (define) => ({
  name: 'lazy-modules',
  async setup(bundler) {
    const homes = new Map();
    for (const door of DOORS.map((name) => resolve(name))) homes.set(door, await homesOf(door));
    // Node looks through all names of a built-in module each time that one requires it: once is enough.
    bundler.onResolve({ filter: /^node:/ }, ({ path, namespace, kind }) => {
      if (namespace === 'builtin') return { path, external: true };
      return namespace === 'lazy' && kind !== 'dynamic-import' ? { path, namespace: 'builtin' } : undefined;
    });
    bundler.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
    // In a namespace of their own they are no ECMAScript modules, whatever package.json says of files.
    bundler.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      namespace: 'lazy',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path }) => {
      const options = { target: 'node20', sourcefile: path, charset: 'ascii' };
      const script = await transform(readFileSync(path, 'utf8'), { ...options, loader: 'ts' });
      const direct = throughDoors(script.code, path, homes);
      const { code } = await transform(direct, {
        ...options,
        format: 'cjs',
        define,
      });
      return { contents: lazy(code), loader: 'js', resolveDir: dirname(path) };
    });
  },
});

/** Imports each name from the module that has it, where it is imported from a door: the door would run them all. */
function throughDoors(code, path, homes) {
  const folder = dirname(path);
  return code.replace(/(import|export) \{([^}]*)\} from "([^"]+)";/g, (statement, act, names, from) => {
    const found = homes.get(resolve(folder, from));
    return found === undefined ? statement : direct(act, folder, names, found);
  });
}

function direct(act, folder, names, homes) {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .map((name) => {
      const [imported, local = imported] = name.split(' as ');
      const home = homes.get(imported);
      if (home === undefined) throw new Error(`${folder} imports ${imported}, which the index has not`);
      const from = JSON.stringify(`./${relative(folder, home.module)}`);
      return home.isNamespace ? `${act} * as ${local} from ${from};` : `${act} { ${name} } from ${from};`;
    })
    .join('\n');
}

/** Which module each name that the index hands on is from. */
async function homesOf(index) {
  const { code } = await transform(readFileSync(index, 'utf8'), { loader: 'ts' });
  const homes = new Map();
  for (const [, names, from] of code.matchAll(/export (\*(?: as \w+)?|\{[^}]*\}) from "([^"]+)";/g)) {
    const module = join(dirname(index), from);
    if (names.startsWith('* as ')) homes.set(names.slice(5), { module, isNamespace: true });
    else {
      const found = names === '*' ? await exportsOf(module) : names.slice(1, -1).split(',');
      for (const name of found) homes.set(name.trim(), { module, isNamespace: false });
    }
  }
  return homes;
}

async function exportsOf(module) {
  const { metafile } = await build({ entryPoints: [module], metafile: true, write: false, format: 'esm' });
  return Object.values(metafile.outputs)[0].exports;
}

/** What esbuild makes of a module: helpers, the names it exports, what it requires, and then its own text. */
const EXPORTS = /var (\w+) = \{\};\n__export\(\1, \{\n([\s\S]*?)\n\}\);\nmodule\.exports = __toCommonJS\(\1\);\n/;

function lazy(code) {
  let text = code;
  let first = '';
  let last = '';
  const found = EXPORTS.exec(text);
  if (found !== null) {
    text = text.slice(0, found.index) + text.slice(found.index + found[0].length);
    const names = [...found[2].matchAll(/^\s*(\w+): \(\) => ([\w.]+),?$/gm)].map(([, name, value]) => ({ name, value }));
    const isFunction = ({ value }) => new RegExp(`^(async )?function\\*? ${value}\\(`, 'm').test(text);
    // Functions are there at once, for modules that import each other.
    first = `module.exports = { ${names.filter(isFunction).map(({ name, value }) => `${name}: ${value}`).join(', ')} };\n`;
    last = names
      .filter((each) => !isFunction(each))
      .map(({ name, value }) => `module.exports.${name} = ${value};\n`)
      .join('');
  }
  text = text.replace(/^__reExport\(\w+, require\("([^"]+)"\), module\.exports\);\n/gm, (_, from) => {
    last += `Object.assign(module.exports, require("${from}"));\n`;
    return '';
  });
  text = text.replace(/^\/\/ Annotate the CommonJS export names[\s\S]*$/m, '');
  text += last;
  const required = [];
  text = text.replace(/^var (import_\w+) = (?:require\("((?:\.|node:)[^"]+)"\)|__toESM\(require\("(\.[^"]+)"\)\));\n/gm, (_, name, from, whole) => {
    required.push([name, from ?? whole]);
    return '';
  });
  for (const [name, from] of required)
    text = text.replace(new RegExp(`\\b${name}\\b`, 'g'), () => `(${name} ??= require("${from}"))`);
  if (required.length > 0) first += `let ${required.map(([name]) => name).join(', ')};\n`;
  const own = text.replace(/^[\s\S]*?var __toCommonJS = .*\n/, '');
  return first + (/\b__(?!moduleUrl|dirname|filename)\w+/.test(own) ? text : own);
}
