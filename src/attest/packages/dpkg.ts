import type { FileTree } from '../../../layers/index.ts';
import type { Distribution } from './os-release.ts';
import { type FoundPackage, purl } from './package.ts';
import { find, readText } from './read-text.ts';

const MAX_STATUS = 64 << 20;
const MAX_FILES = 20_000;
const STATUS = '/var/lib/dpkg/status';
/** One file a package, where there is no dpkg: distroless images. */
const STATUS_D = '/var/lib/dpkg/status.d';

/** Packages that dpkg installed: deb-control(5), dpkg(1) on `status`. */
export function dpkgPackages(tree: FileTree, distribution: Distribution): readonly FoundPackage[] {
  return statusFiles(tree).flatMap(({ path, text, isSingle }) =>
    paragraphs(text).flatMap((fields) => {
      const name = fields.get('package') ?? '';
      const version = fields.get('version') ?? '';
      const isThere = isSingle || (fields.get('status') ?? '').endsWith(' installed');
      if (name === '' || version === '' || !isThere) return [];
      const maintainer = fields.get('maintainer');
      const qualifiers = { arch: fields.get('architecture'), distro: distroOf(distribution) };
      const found = {
        name,
        version,
        purl: purl('deb', [distribution.id || 'debian', name], version, qualifiers),
        ...(maintainer !== undefined && { supplier: maintainer }),
        source: path,
      };
      return [found];
    }),
  );
}

export function distroOf({ id, version }: Distribution): string | undefined {
  return id === '' ? undefined : version === '' ? id : `${id}-${version}`;
}

function statusFiles(tree: FileTree) {
  const files: { path: string; text: string; isSingle: boolean }[] = [];
  const text = readText(tree, find(tree, STATUS), MAX_STATUS);
  if (text !== undefined) files.push({ path: STATUS, text, isSingle: false });
  const folder = find(tree, STATUS_D);
  if (folder?.stat.type !== 'directory') return files;
  for (const node of tree.children(folder).slice(0, MAX_FILES)) {
    if (node.path.endsWith('.md5sums')) continue;
    const single = readText(tree, node, 1 << 20);
    if (single !== undefined) files.push({ path: node.path, text: single, isSingle: true });
  }
  return files;
}

/** Fields of each paragraph by lower-case name; lines that go on are not needed. */
function paragraphs(text: string): ReadonlyMap<string, string>[] {
  return text.split(/\n[ \t]*\n/).map((paragraph) => {
    const fields = new Map<string, string>();
    for (const line of paragraph.split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0 && !/^\s/.test(line))
        fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    return fields;
  });
}
