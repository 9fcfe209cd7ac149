import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export type Koffi = typeof import('koffi');

let loaded: Koffi | undefined;

/**
 * The koffi library, loaded at first use. Its addon is loaded directly, since the package's own loader costs five
 * times as much at every start; where the layout is not as expected the package itself is required.
 */
export function koffi(): Koffi {
  loaded ??= loadAddon() ?? (createRequire(import.meta.url)('koffi') as Koffi);
  return loaded;
}

/** The library, where something has needed it already. */
export function loadedKoffi(): Koffi | undefined {
  return loaded;
}

function loadAddon(): Koffi | undefined {
  const libc = isMusl() ? 'musl' : 'linux';
  try {
    const file = findModule(`@koromix/koffi-linux-${process.arch}/${libc}_${process.arch}/koffi.node`);
    if (file === undefined) return undefined;
    const addon = { exports: {} };
    process.dlopen(addon, file);
    return addon.exports as Koffi;
  } catch {
    return undefined;
  }
}

/** A file of a package, looked for as Node does it, but without the millisecond that `require.resolve` takes. */
function findModule(name: string): string | undefined {
  let directory = import.meta.dirname;
  for (;;) {
    const file = join(directory, 'node_modules', name);
    if (existsSync(file)) return file;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}

/** Whether this Node is linked against musl: its build configuration says so without reading the binary. */
function isMusl(): boolean {
  const variables = process.config.variables as { readonly is_musl?: number | boolean };
  return Boolean(variables.is_musl);
}
