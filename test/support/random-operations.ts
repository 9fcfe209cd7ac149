import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { BytePath, FileNode, FileTree, TreeWriter } from '../../layers/index.ts';
import * as inode from '../../layers/linux/inode.ts';
import type { SeededRandom } from './seeded-random.ts';

interface Metadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: readonly (readonly [string, Buffer])[];
}

/** A change of a tree, such that both overlayfs and a {@link TreeWriter} can make it. */
export type Operation = { readonly path: BytePath } & (
  | { readonly kind: 'mkdir'; readonly metadata: Metadata }
  | { readonly kind: 'file'; readonly content: string; readonly metadata: Metadata }
  | { readonly kind: 'symlink'; readonly target: BytePath; readonly metadata: Metadata }
  | { readonly kind: 'fifo'; readonly metadata: Metadata }
  | { readonly kind: 'device'; readonly metadata: Metadata }
  | { readonly kind: 'link'; readonly existing: BytePath }
  | { readonly kind: 'change'; readonly metadata: Metadata }
  | { readonly kind: 'remove' }
);

const NAMES = ['a', 'A', 'b', 'c', '.d', '\xc3\xa9', 'e\xcc\x81', '\xff\xfe', 'wh'];
const TARGETS = ['a', '../b', '/a/b', '/', '..', '../../../c', 'a/../b', '\xff'];
const MODES = [0o644, 0o755, 0o4755, 0o2711, 0o600, 0o1777];

/** Operations that are possible in the tree, each chosen after the one before has been made. */
export function* operationsOn(tree: FileTree, random: SeededRandom, count: number): Generator<Operation> {
  const removed = new Set<BytePath>();
  for (let index = 0; index < count; index++) {
    const operation = remake(tree, random, removed) ?? choose(tree, random);
    if (operation.kind === 'remove') removed.add(operation.path);
    yield operation;
  }
}

/** Now and then something that was removed comes back as a directory: what it hid must stay hidden. */
function remake(tree: FileTree, random: SeededRandom, removed: Set<BytePath>): Operation | undefined {
  if (!random.chance(25)) return undefined;
  for (const path of removed) {
    removed.delete(path);
    const parent = tree.lookup(path.slice(0, path.lastIndexOf('/')) || '/');
    if (parent?.stat.type === 'directory' && tree.lookup(path) === undefined)
      return { kind: 'mkdir', path, metadata: randomMetadata(random) };
  }
  return undefined;
}

function choose(tree: FileTree, random: SeededRandom): Operation {
  const nodes = allNodes(tree);
  const directories = nodes.filter(({ stat }) => stat.type === 'directory');
  const directory = random.pick(directories);
  const path = `${directory.path === '/' ? '' : directory.path}/${random.pick(NAMES)}`;
  const existing = nodes.find((node) => node.path === path);
  const metadata = randomMetadata(random);
  const isDirectory = existing?.stat.type === 'directory';
  const others = nodes.filter(({ path: other, stat }) => stat.type !== 'directory' && other !== path);
  switch (random.below(10)) {
    case 0:
    case 1:
      if (existing === undefined || isDirectory) return { kind: 'mkdir', path, metadata };
      return { kind: 'remove', path };
    case 2:
      return existing === undefined ? { kind: 'mkdir', path, metadata } : { kind: 'remove', path };
    case 3:
      if (!isDirectory) return { kind: 'symlink', path, target: random.pick(TARGETS), metadata };
      return { kind: 'remove', path };
    case 4:
      if (!isDirectory) return { kind: random.chance(50) ? 'fifo' : 'device', path, metadata };
      return { kind: 'change', path, metadata };
    case 5:
      if (!isDirectory && others.length > 0)
        return { kind: 'link', path, existing: random.pick(others).path };
      return { kind: 'change', path: directory.path, metadata };
    case 6: {
      const node = random.pick(nodes);
      return { kind: 'change', path: node.path, metadata };
    }
    case 7: {
      const node = random.pick(nodes);
      if (node.path !== '/') return { kind: 'remove', path: node.path };
      return { kind: 'change', path: '/', metadata };
    }
    default:
      if (!isDirectory) return { kind: 'file', path, content: `content ${random.below(1e6)}`, metadata };
      return { kind: 'change', path, metadata };
  }
}

function allNodes(tree: FileTree): FileNode[] {
  const nodes: FileNode[] = [];
  const visit = (node: FileNode) => {
    nodes.push(node);
    if (node.stat.type === 'directory') for (const child of tree.children(node)) visit(child);
  };
  visit(tree.lookup('/')!);
  return nodes;
}

function randomMetadata(random: SeededRandom): Metadata {
  return {
    mode: random.pick(MODES),
    uid: random.pick([0, 0, 1000, 4_000_000]),
    gid: random.pick([0, 0, 1000]),
    mtimeNs: BigInt(random.below(2_000_000_000)) * 1_000_000_000n + BigInt(random.below(1_000_000_000)),
    xattrs: random.chance(30) ? [['user.test', Buffer.from([random.below(256), 0])]] : [],
  };
}

/** Makes a change with plain system calls below a mount point. */
export function perform(root: string, operation: Operation): void {
  const path = root + operation.path;
  const file = Buffer.from(path, 'latin1');
  const isThere = lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  if (operation.kind === 'remove') {
    rmSync(file, { recursive: true, force: true });
    return;
  }
  if (isThere && operation.kind !== 'mkdir' && operation.kind !== 'change') unlinkSync(file);
  if (operation.kind === 'link') {
    linkSync(Buffer.from(root + operation.existing, 'latin1'), file);
    return;
  }
  if (operation.kind === 'mkdir' && !isThere) mkdirSync(file);
  if (operation.kind === 'file') writeFileSync(file, operation.content);
  if (operation.kind === 'symlink') symlinkSync(Buffer.from(operation.target, 'latin1'), file);
  if (operation.kind === 'fifo') inode.makeNodeAt(inode.AT_FDCWD, path, 'fifo', 0o600, 0, 0);
  if (operation.kind === 'device') inode.makeNodeAt(inode.AT_FDCWD, path, 'block', 0o600, 7, 3);
  applyMetadata(path, operation.metadata);
}

function applyMetadata(path: BytePath, { mode, uid, gid, mtimeNs, xattrs }: Metadata): void {
  const file = Buffer.from(path, 'latin1');
  inode.chownAt(inode.AT_FDCWD, path, uid, gid);
  const stat = lstatSync(file);
  if (!stat.isSymbolicLink()) chmodSync(file, mode);
  const cut = path.lastIndexOf('/');
  const parent = inode.openAt(inode.AT_FDCWD, `${path.slice(0, cut)}/.`, inode.O.DIRECTORY);
  if (stat.isFile() || stat.isDirectory())
    for (const [name, value] of xattrs) inode.setXattr(parent, path.slice(cut + 1), name, value);
  inode.close(parent);
  inode.setTimesAt(inode.AT_FDCWD, path, mtimeNs);
}

/** Makes the same change through a writer. */
export function performByWriter(writer: TreeWriter, operation: Operation): void {
  const { path, kind } = operation;
  if (kind === 'mkdir') writer.mkdir(path, operation.metadata);
  else if (kind === 'file') writer.file(path, Buffer.from(operation.content), operation.metadata);
  else if (kind === 'symlink') writer.symlink(path, operation.target, operation.metadata);
  else if (kind === 'fifo') writer.mknod(path, { type: 'fifo', major: 0, minor: 0 }, operation.metadata);
  else if (kind === 'device') writer.mknod(path, { type: 'block', major: 7, minor: 3 }, operation.metadata);
  else if (kind === 'link') writer.link(path, operation.existing);
  else if (kind === 'change') writer.setAttributes(path, operation.metadata);
  else writer.remove(path);
}
