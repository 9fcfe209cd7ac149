import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes, TreeWriter } from '../../layers/snapshots/tree-writer.ts';
import type { SeededRandom } from './seeded-random.ts';
import { tempFolder } from './temp-folder.ts';

/** Writing layers in all the ways there are, as a seed has it. */

const DIRECTORY = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 1_234_567_890_123_456_789n } as const;
const TEXT = Buffer.from('text');
/** Enough for a layer to be followed. */
const LARGE = 8 * 2 ** 20;

/** Lets the follower start. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A file from which on the layer is worth a follower: it is there after the next {@link turn}. */
export function writeLarge(writer: TreeWriter, path: string): void {
  const file = join(tempFolder(), 'large');
  const fd = openSync(file, 'w+');
  ftruncateSync(fd, LARGE);
  writer.file(path, { fd, size: LARGE }, { ...DIRECTORY, mode: 0o644 });
  closeSync(fd);
}

/** With `isFollowed` there is a follower from the start. Calls `after` when each path was written, or could not be. */
export async function writeAnything(
  writer: TreeWriter,
  random: SeededRandom,
  {
    count = 20,
    isFollowed = random.chance(50),
    after = () => {},
  }: { count?: number; isFollowed?: boolean; after?: (path: string) => void } = {},
): Promise<void> {
  const directory = () => `/${random.pick(['a', 'b', 'a.b', '-'])}`.repeat(random.below(2));
  const names = ['x', 'x.y', '!', 'z', '\xe4', 'n'.repeat(99), 'm'.repeat(101), 'l'.repeat(255)];
  const name = () => `${directory()}${directory()}/${random.pick(names)}`;
  const paths = Array.from({ length: count }, name);
  const isCopy = random.chance(50);
  // As copies are: in the order of the tar, each once.
  const inOrder = (path: string) => path.replaceAll('/', '\0');
  if (isCopy) paths.sort((a, b) => (inOrder(a) < inOrder(b) ? -1 : 1));
  writer.mkdir('/!', DIRECTORY);
  if (isFollowed) {
    writeLarge(writer, '/!/large');
    await turn();
  }
  for (const path of isCopy ? new Set(paths) : paths) {
    const attributes = anyAttributes(random);
    writer.mkdirAll(path.slice(0, path.lastIndexOf('/')), { ...attributes, mode: 0o755 });
    try {
      writeOne(writer, path, random.below(isCopy ? 11 : 14), attributes);
    } catch {
      // Nothing is there: the layer is what it was.
    }
    after(path);
  }
}

function writeOne(writer: TreeWriter, path: string, kind: number, attributes: Attributes): void {
  if (kind < 7) writer.file(path, Buffer.alloc(SIZES[kind]!, path), attributes);
  else if (kind < 9) writer.symlink(path, 'x', attributes);
  else if (kind === 9) writer.mkdir(path, attributes);
  else if (kind === 10) writer.mknod(path, { type: 'fifo', major: 0, minor: 0 }, attributes);
  else if (kind === 11) writer.setAttributes(path, attributes);
  else if (kind === 12) writer.link(`${path}.link`, path);
  else writer.remove(path);
}

const SIZES = [0, 1, 511, 512, 513, 65_536, 65_537];

const SECOND = 1_000_000_000n;
/** Some that need more than 64 bits, and that a filesystem may not hold. */
const TIMES = [
  0n,
  7n,
  -1n,
  ...[99n, -1n, 8_589_934_592n, 12_000_000_000n, 99_999_999_999n].map((s) => s * SECOND + 5n),
];

/** What plain headers hold, and what takes others. */
function anyAttributes(random: SeededRandom): Attributes {
  const id = () => random.pick([0, 0, 0, 5, 0o7777777, 0o10000000, 4_294_967_294]);
  return {
    mode: random.pick([0o644, 0o755, 0, 0o4711, 0o7777]),
    uid: id(),
    gid: id(),
    mtimeNs: random.pick(TIMES),
    ...(random.chance(20) && { xattrs: [['user.x', TEXT]] }),
  };
}
