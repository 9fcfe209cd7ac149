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

function loadAddon(): Koffi | undefined {
  const libc = isMusl() ? 'musl' : 'linux';
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `@koromix/koffi-linux-${process.arch}/package.json`,
    );
    const addon = { exports: {} };
    process.dlopen(addon, join(dirname(manifest), `${libc}_${process.arch}`, 'koffi.node'));
    return addon.exports as Koffi;
  } catch {
    return undefined;
  }
}

/** Whether this Node is linked against musl: its build configuration says so without reading the binary. */
function isMusl(): boolean {
  const variables = process.config.variables as { readonly is_musl?: number | boolean };
  return Boolean(variables.is_musl);
}
