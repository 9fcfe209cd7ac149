import type { FileTree } from '../../../layers/index.ts';
import { distroOf } from './dpkg.ts';
import type { Distribution } from './os-release.ts';
import { type FoundPackage, purl } from './package.ts';
import { find, readText } from './read-text.ts';

const MAX_DATABASE = 64 << 20;
const DATABASES = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];

/** Packages that apk installed: apk-v2(5), "installed database": `P` name, `V` version, `A` architecture, `L` licence. */
export function apkPackages(tree: FileTree, distribution: Distribution): readonly FoundPackage[] {
  for (const path of DATABASES) {
    const text = readText(tree, find(tree, path), MAX_DATABASE);
    if (text !== undefined)
      return text.split('\n\n').flatMap((entry) => packageOf(entry, path, distribution));
  }
  return [];
}

function packageOf(entry: string, source: string, distribution: Distribution): readonly FoundPackage[] {
  const fields = new Map<string, string>();
  for (const line of entry.split('\n')) {
    // What comes after the first folder is about files.
    if (line.startsWith('F:')) break;
    if (line[1] === ':') fields.set(line[0]!, line.slice(2));
  }
  const name = fields.get('P') ?? '';
  const version = fields.get('V') ?? '';
  if (name === '' || version === '') return [];
  const license = fields.get('L');
  const supplier = fields.get('m');
  const qualifiers = { arch: fields.get('A'), distro: distroOf(distribution) };
  const found = {
    name,
    version,
    purl: purl('apk', [distribution.id || 'alpine', name], version, qualifiers),
    ...(license && { license }),
    ...(supplier && { supplier }),
    source,
  };
  return [found];
}
