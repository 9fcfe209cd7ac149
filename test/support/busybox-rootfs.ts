import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TarBuilder } from './tar-builder.ts';

const programs =
  'sh cat ls id env true false sleep mount umount mknod chmod rm mkdir touch grep readlink stat test head dd stty hostname ps kill wc find echo ln cp tr unshare'.split(
    ' ',
  );

const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path));

/** Why no root can be made here; undefined when it can. */
export const rootfsProblem: string | undefined =
  busybox === undefined
    ? 'there is no static busybox'
    : process.getuid?.() === 0
      ? undefined
      : 'this is not root';

/** A layer directory with a busybox and its links, a user file and /tmp. */
export interface TestRoot {
  /** Everything is below it. */
  readonly base: string;
  readonly layer: string;
  /** A new empty upper and work directory over the layer. */
  overlay(): { lower: string[]; upper: string; work: string; volatile: true };
  remove(): void;
}

export function makeBusyboxRoot(): TestRoot {
  const base = mkdtempSync(join(tmpdir(), 'tsbuild-root-'));
  const layer = join(base, 'layer');
  for (const directory of ['bin', 'etc', 'tmp', 'root'])
    mkdirSync(join(layer, directory), { recursive: true });
  copyFileSync(busybox!, join(layer, 'bin/busybox'));
  for (const name of programs) symlinkSync('busybox', join(layer, 'bin', name));
  writeFileSync(join(layer, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  let next = 0;
  return {
    base,
    layer,
    overlay: () => {
      const [upper, work] = [join(base, `upper${next}`), join(base, `work${next}`)];
      next += 1;
      mkdirSync(upper);
      mkdirSync(work);
      return { lower: [layer], upper, work, volatile: true };
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** The same as the tar of a root filesystem: a static busybox, a name for each of its applets, a few users. */
export function busyboxTar(): Buffer {
  const tar = new TarBuilder();
  for (const directory of ['bin', 'etc', 'home', 'root']) tar.directory(directory);
  tar.directory('tmp', { mode: 0o1777 });
  tar.file('bin/busybox', readFileSync(busybox!), { mode: 0o755 });
  const applets = execFileSync(busybox!, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const name of applets) if (name !== 'busybox') tar.link(`bin/${name}`, 'bin/busybox', { mode: 0o755 });
  tar.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n');
  tar.file('etc/group', 'root:x:0:\nusers:x:1000:\n');
  return tar.end();
}
