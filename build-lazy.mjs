// Has modules run when they are first used, in the bundles of the commands.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, transform } from 'esbuild';

/** Modules that hand on names of others: whoever imports one means the modules that have them. */
const DOORS = ['src/index.ts', 'layers/index.ts'].map((name) => resolve(name));

/**
 * Every module of ours becomes a function that runs when one of its names is first used, not when it is imported. A
 * start runs the modules of what it does, and the compiled code of V8 holds of all others only where they are. It
 * matters to none when it runs: they do nothing else then (`sideEffects` in package.json). Built-in modules are required
 * in the same way, once each, since Node goes through all their names whenever one is. Each module that runs adds its
 * number to `__ran`, by which the launcher knows what was not needed before (src/cli/launch.ts).
 */
export const lazyModules = (define) => ({
  name: 'lazy-modules',
  async setup(bundler) {
    const doors = new Map();
    for (const door of DOORS) doors.set(door, await homesOf(door));
    // In a namespace of their own they are no ECMAScript modules, whatever package.json says of files.
    bundler.onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      namespace: 'lazy',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path }) => {
      const script = await transform(readFileSync(path, 'utf8'), { ...target(path), loader: 'ts' });
      const direct = throughDoors(script.code, dirname(path), doors);
      const { code } = await transform(direct, { ...target(path), format: 'cjs', define });
      return { contents: lazy(code, path), loader: 'js', resolveDir: dirname(path) };
    });
    bundler.onResolve({ filter: /^node:/ }, ({ path, namespace, kind }) => {
      if (namespace === 'builtin') return { path, external: true };
      return namespace === 'lazy' && kind !== 'dynamic-import' ? { path, namespace: 'builtin' } : undefined;
    });
    bundler.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
});

const target = (path) => ({ target: 'node20', charset: 'ascii', sourcefile: path });

function throughDoors(code, folder, doors) {
  return code.replace(/(import|export) \{([^}]*)\} from "([^"]+)";/g, (statement, act, names, from) => {
    const homes = doors.get(resolve(folder, from));
    if (homes === undefined) return statement;
    const each = names.split(',').map((name) => name.trim());
    return each
      .filter(Boolean)
      .map((name) => direct(act, name, folder, homes))
      .join('\n');
  });
}

/** The statement for one name, `a` or `a as b`. */
function direct(act, name, folder, homes) {
  const [imported, local = imported] = name.split(' as ');
  const home = homes.get(imported);
  if (home === undefined) throw new Error(`A module in ${folder} takes ${imported} from an index without it`);
  const from = JSON.stringify(`./${relative(folder, home.module)}`);
  return home.isNamespace ? `${act} * as ${local} from ${from};` : `${act} { ${name} } from ${from};`;
}

/** Which module each name that a door hands on is from; whether it is the name of the module as a whole. */
async function homesOf(door) {
  const { code } = await transform(readFileSync(door, 'utf8'), { loader: 'ts' });
  const homes = new Map();
  for (const [, names, from] of code.matchAll(/export (\*(?: as \w+)?|\{[^}]*\}) from "([^"]+)";/g)) {
    const module = join(dirname(door), from);
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

/** How esbuild writes a module in CommonJS: helpers that it needs for that, the exports, what it requires, its text. */
const EXPORTS =
  /var (\w+) = \{\};\n__export\(\1, \{\n([\s\S]*?)\n\}\);\nmodule\.exports = __toCommonJS\(\1\);\n/;
const HELPERS = /^[\s\S]*?var __toCommonJS = .*\n/;
const RE_EXPORT = /^__reExport\(\w+, (require\("[^"]+"\)), module\.exports\);\n/gm;
const IMPORT =
  /^var (import_\w+) = (?:(require\("(?:\.|node:)[^"]+"\))|__toESM\((require\("\.[^"]+"\))\));\n/gm;

/** What of that must not be left: the module would export nothing, or run others at once. */
const LEFT =
  /^(?:var import_\w+ = .*\brequire\("(?:\.|node:)|__export\(|__reExport\(|0 && \(module\.exports).*|.*__toCommonJS\(.*/m;

/** The same module, with plain properties as exports, and each requirement in the places of its use. */
function lazy(code, path) {
  const exported = [];
  const handedOn = [];
  const required = new Map();
  let text = code
    .replace(EXPORTS, (_, _name, list) => {
      for (const line of list.split('\n')) {
        const [, name, value] = /^\s*(\w+): \(\) => ([\w.]+),?$/.exec(line) ?? unexpected(path, line);
        exported.push({ name, value });
      }
      return '';
    })
    .replace(/^\/\/ Annotate the CommonJS export names[\s\S]*$/m, '')
    .replace(RE_EXPORT, (_, module) => {
      handedOn.push(`Object.assign(module.exports, ${module});\n`);
      return '';
    })
    .replace(IMPORT, (_, name, module, whole) => {
      required.set(name, module ?? whole);
      return '';
    });
  const left = LEFT.exec(text);
  if (left !== null) unexpected(path, left[0]);
  const withoutHelpers = text.replace(HELPERS, '');
  if (!/\b__(?!module\b|dirname|filename)\w+/.test(withoutHelpers)) text = withoutHelpers;
  // Functions are there from the beginning, for modules that import each other.
  const isFunction = ({ value }) => new RegExp(`^(async )?function\\*? ${value}\\(`, 'm').test(text);
  const functions = exported.filter(isFunction).map(({ name, value }) => `${name}: ${value}`);
  const others = exported
    .filter((each) => !isFunction(each))
    .map(({ name, value }) => `module.exports.${name} = ${value};\n`);
  text += others.join('') + handedOn.join('');
  for (const [name, module] of required)
    text = text.replace(new RegExp(`\\b${name}\\b`, 'g'), () => `(${name} ??= ${module})`);
  const variables = required.size > 0 ? `let ${[...required.keys()].join(', ')};\n` : '';
  return `__ran.add(${numberOf(path)});\nmodule.exports = { ${functions.join(', ')} };\n${variables}${text}`;
}

/** 32 bits, the same in every build. */
function numberOf(path) {
  return createHash('sha256').update(relative('.', path)).digest().readUInt32LE();
}

function unexpected(path, line) {
  throw new Error(`Cannot have ${path} run when it is first used: esbuild writes it otherwise: ${line}`);
}
