import * as inode from '../../layers/linux/inode.ts';
import { type BytePath, bytePath } from '../../layers/snapshots/file-tree.ts';
import type { SeededRandom } from './seeded-random.ts';

/** A capability set as the kernel keeps it: vfs_cap_data of revision 2 with cap_net_raw, permitted and effective. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/**
 * Fills a directory with every type of entry that a layer can hold, as overlayfs would leave them: odd names, times,
 * owners, attributes, capabilities, hard links, whiteouts, opaque directories.
 */
export function makeRandomTree(directory: string, random: SeededRandom, entries: number): void {
  const root = inode.openAt(inode.AT_FDCWD, bytePath(directory), inode.O.DIRECTORY);
  const folders: BytePath[] = ['.'];
  const files: BytePath[] = [];
  for (let index = 0; index < entries; index++) {
    const parent = random.pick(folders);
    const path = `${parent}/${randomName(random, index)}`;
    if (path.length > 3000) continue;
    const kind = random.below(12);
    if (kind < 4) {
      inode.makeDirectoryAt(root, path, 0o700);
      folders.push(path);
    } else if (kind < 8) makeFile(root, path, random, files);
    else if (kind === 8) inode.symlinkAt(random.pick(targets), root, path);
    else if (kind === 9) inode.makeNodeAt(root, path, 'char', 0, 0, 0);
    else if (kind === 10 && files.length > 0) inode.linkAt(root, random.pick(files), root, path);
    else
      inode.makeNodeAt(
        root,
        path,
        random.pick(['char', 'block', 'fifo']),
        0o600,
        1 + random.below(4000),
        random.below(1_000_000),
      );
    if (kind !== 9) decorate(root, path, random);
  }
  for (const path of folders.slice(1).reverse()) {
    if (random.below(6) === 0) inode.setXattr(root, path, 'trusted.overlay.opaque', Buffer.from('y'));
    inode.setTimesAt(root, path, randomTime(random));
  }
  inode.close(root);
}

const targets: readonly BytePath[] = [
  '/etc/passwd',
  '../../../..',
  'a',
  'x'.repeat(300),
  'gr\xc3\xb6\xc3\x9fe',
  '\xff\xfe',
  '.',
  '/',
];

function randomName(random: SeededRandom, index: number): BytePath {
  const odd = [
    'plain',
    'with space',
    'new\nline',
    'tab\t',
    'gr\xc3\xb6\xc3\x9fe',
    'gro\xcc\x88\xc3\x9fe',
    '\xff\xfe\x80',
    'Case',
    'case',
    'back\\slash',
    'C:',
    '-option',
    'wh.no',
    '.hidden',
    '...',
    'n'.repeat(90 + random.below(20)),
    'm'.repeat(200),
    '\x01\x7f',
  ];
  return `${random.pick(odd)}${index}`;
}

function makeFile(root: number, path: BytePath, random: SeededRandom, files: BytePath[]): void {
  const size = random.pick([0, 1, 511, 512, 513, 1024, 5000, 70_000]);
  const fd = inode.openAt(root, path, inode.O.WRONLY | inode.O.CREAT | inode.O.EXCL, 0o600);
  const bytes = Buffer.allocUnsafeSlow(size || 1);
  for (let at = 0; at < size; at++) bytes[at] = random.below(256);
  for (let at = 0; at < size; ) at += inode.writeFrom(fd, inode.addressOf(bytes) + BigInt(at), size - at);
  inode.close(fd);
  files.push(path);
}

/** Owner, mode, attributes and time of an entry. */
function decorate(root: number, path: BytePath, random: SeededRandom): void {
  const { type } = inode.statAt(root, path)!;
  inode.chownAt(root, path, random.pick(ids), random.pick(ids));
  if (type !== 'symlink')
    inode.chmodAt(root, path, random.pick([0, 0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0o6511]));
  if (type === 'file' && random.below(4) === 0) inode.setXattr(root, path, 'security.capability', CAPABILITY);
  if ((type === 'file' || type === 'directory') && random.below(4) === 0) {
    inode.setXattr(root, path, 'user.plain', Buffer.from('value'));
    inode.setXattr(root, path, 'user.odd=100%', Buffer.from([0, 10, 61, 255, 32]));
    inode.setXattr(root, path, 'user.empty', Buffer.alloc(0));
  }
  if (random.below(6) === 0) inode.setXattr(root, path, 'trusted.note', Buffer.from('kept'));
  inode.setTimesAt(root, path, randomTime(random));
}

const ids = [0, 0, 0, 1, 1000, 65_534, 2_097_151, 2_097_152, 4_294_967_294];

function randomTime(random: SeededRandom): bigint {
  return random.pick([
    0n,
    1_700_000_000_000_000_000n,
    1_700_000_000_123_456_789n,
    1_700_000_000_500_000_000n,
    -1n,
    -1_500_000_000n,
    -2_000_000_000n,
    4_102_444_800_000_000_000n,
    BigInt(random.below(2 ** 31)) * 1_000_000_007n,
  ]);
}
