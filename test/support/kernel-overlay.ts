import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { OverlayRoot } from '../../layers/index.ts';

export interface MountedOverlay {
  /** Path under which the test's own process reaches the mount, which is in another mount namespace. */
  readonly path: string;
  unmount(): Promise<void>;
}

/** Why no overlay can be mounted here; undefined when it can. */
export function whyNoOverlay(): string | undefined {
  if (process.geteuid?.() !== 0) return 'not root';
  if (!readFileSync('/proc/filesystems', 'utf8').includes('\toverlay\n'))
    return 'the kernel has no overlayfs';
  return existsSync('/usr/bin/unshare') || existsSync('/bin/unshare') ? undefined : 'no unshare(1)';
}

/** Mounts an overlay at `point`, in the mount namespace of a child that lives until it is unmounted. */
export async function mountOverlay(root: OverlayRoot, point: string): Promise<MountedOverlay> {
  mkdirSync(point, { recursive: true });
  // Bottom first becomes topmost first.
  const options = [
    `lowerdir=${[...root.lower].reverse().join(':')}`,
    'index=off,metacopy=off,redirect_dir=off',
  ];
  if (root.upper !== undefined) options.push(`upperdir=${root.upper},workdir=${root.work}`);
  if (root.volatile) options.push('volatile');
  const script = 'mount -t overlay overlay -o "$1" "$2" && echo ready && read _';
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', options.join(','), point];
  const child = spawn('unshare', args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  const exit = once(child, 'exit');
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), exit.then(() => false)]);
  if (!ready) throw new Error(`Cannot mount an overlay with ${options.join(',')}`);
  return {
    path: `/proc/${child.pid}/root${point}`,
    unmount: async () => {
      child.stdin.end();
      await exit;
    },
  };
}
