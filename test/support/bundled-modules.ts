import { symlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const repository = resolve(import.meta.dirname, '../..');

/**
 * Bundles modules (paths from the repository's root) into a folder, beside each other as the commands have them: each
 * by its name with `.cjs`. Packages are found from there.
 */
export async function bundleModules(folder: string, ...modules: readonly string[]): Promise<void> {
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  await build({
    entryPoints: Object.fromEntries(
      modules.map((path) => [basename(path, '.ts'), join(repository, path)] as const),
    ),
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    external: ['koffi', '@koromix/*'],
    define: { 'import.meta.url': '__moduleUrl', 'import.meta.dirname': '__dirname' },
    banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
  });
}
