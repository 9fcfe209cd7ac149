import { displayPath, type FileNode, type FileTree } from '../../../layers/index.ts';
import { type FoundPackage, purl } from './package.ts';
import { readText } from './read-text.ts';

const MAX_MANIFEST = 1 << 20;
/** Directories looked into, wherever they are. */
const MAX_DIRECTORIES = 200_000;
const MAX_PACKAGES = 50_000;
/** Nobody installs packages there, and they can be large. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/tmp',
  '/var/cache',
  '/var/lib/dpkg',
]);

/** Packages in every `node_modules` of the tree, by their package.json. Links are not followed. */
export function npmPackages(tree: FileTree): readonly FoundPackage[] {
  const found: FoundPackage[] = [];
  const root = tree.lookup('/');
  const pending: FileNode[] = root === undefined ? [] : [root];
  for (let seen = 0; pending.length > 0 && seen < MAX_DIRECTORIES && found.length < MAX_PACKAGES; seen++) {
    const directory = pending.pop()!;
    for (const node of tree.children(directory)) {
      if (node.stat.type === 'directory') {
        if (!PASSED_OVER.has(node.path)) pending.push(node);
      } else if (PACKAGE.test(node.path)) {
        const one = packageAt(tree, node);
        if (one !== undefined) found.push(one);
      }
    }
  }
  return found.sort((one, other) => (one.source < other.source ? -1 : 1));
}

/** The manifest of a package itself, not one that a package happens to hold. */
const PACKAGE = /\/node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/package\.json$/;
/** package.json(5), "name". */
const NAME = /^(?:@([a-z0-9._~-]+)\/)?([a-z0-9._~-]+)$/i;

function packageAt(tree: FileTree, node: FileNode): FoundPackage | undefined {
  const text = readText(tree, node, MAX_MANIFEST);
  if (text === undefined) return undefined;
  try {
    const { name, version, license } = Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
    const match = typeof name === 'string' ? NAME.exec(name) : null;
    if (match === null || typeof version !== 'string' || version === '') return undefined;
    const path = match[1] === undefined ? [match[2]!] : [`@${match[1]}`, match[2]!];
    return {
      name: name as string,
      version,
      purl: purl('npm', path, version),
      ...(typeof license === 'string' && { license }),
      source: displayPath(node.path),
    };
  } catch {
    return undefined; // Not JSON: some test's fixture.
  }
}
