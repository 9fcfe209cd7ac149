import { dirname, relative } from 'node:path';
import type { OverlayRoot } from '../../layers/index.ts';
import { failedWith } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import { makeFilesystem } from './filesystem.ts';
import type { FsParameter } from './plan.ts';
import { SandboxError } from './sandbox.ts';

/** OVL_MAX_STACK in the kernel's fs/overlayfs. */
const MOST_LAYERS = 500;
/** mount(2) cuts its options at a page without saying so. */
const LONGEST_OPTIONS = 4095;

/** Kernel builds differ in these defaults, and layers must not depend on them. */
const always: readonly FsParameter[] = [
  ['index', 'off'],
  ['metacopy', 'off'],
  ['redirect_dir', 'off'],
];

/** Mounts `overlay`, which has at least one lower layer and an upper directory, at `target`. */
export function mountOverlay(root: OverlayRoot, target: string, targetFd: number, sys: Syscalls): void {
  const overlay = { ...root, lower: withoutRepeats(root.lower) };
  if (overlay.lower.length > MOST_LAYERS)
    throw new SandboxError(
      'REFUSED',
      target,
      `Cannot mount a root of ${overlay.lower.length} layers: the kernel takes ${MOST_LAYERS}`,
    );
  if (!mountByLayer(overlay, targetFd, sys)) mountByOptions(overlay, target, sys);
}

/** False where the kernel, before 6.8, has no parameter for a single layer. */
function mountByLayer(overlay: OverlayRoot, target: number, sys: Syscalls): boolean {
  const context = sys.fsopen('overlay');
  sys.fsconfig(context, 'source', 'overlay');
  if (!addLayers(context, overlay.lower, sys)) return false;
  for (const [key, value] of parameters(overlay)) sys.fsconfig(context, key, value);
  sys.moveMount(makeFilesystem(context, 0, 'the root', sys), target);
  return true;
}

/**
 * overlayfs refuses (ELOOP) a stack with the same directory twice, as two steps that changed nothing give it. Whatever
 * the lower one shows or hides, the upper one shows or hides above it: the topmost alone says the same.
 */
function withoutRepeats(lower: readonly string[]): readonly string[] {
  return lower.filter((layer, index) => lower.lastIndexOf(layer) === index);
}

function parameters({ upper, work, volatile }: OverlayRoot): FsParameter[] {
  return [
    ...(upper === undefined ? [] : [['upperdir', upper] as const]),
    ...(work === undefined ? [] : [['workdir', work] as const]),
    ...always,
    ...(volatile === true ? [['volatile'] as const] : []),
  ];
}

/** The topmost first. */
function addLayers(context: number, lower: readonly string[], sys: Syscalls): boolean {
  try {
    for (const layer of lower.toReversed()) sys.fsconfig(context, 'lowerdir+', layer);
    return true;
  } catch (error) {
    if (failedWith(error, 'EINVAL')) return false;
    throw error;
  }
}

/** Names relative to the layers' common directory make the most of the page that options may take. */
function mountByOptions(overlay: OverlayRoot, target: string, sys: Syscalls): void {
  const base = commonDirectory(overlay.lower);
  const lower = overlay.lower.toReversed().map((layer) => escapeColons(relative(base, layer)));
  const options = [['lowerdir', lower.join(':')] as const, ...parameters(overlay)]
    .map(([key, value]) => (value === undefined ? key : `${key}=${value.replaceAll(',', '\\,')}`))
    .join(',');
  if (Buffer.byteLength(options) > LONGEST_OPTIONS)
    throw new SandboxError(
      'REFUSED',
      target,
      `Cannot mount a root of ${overlay.lower.length} layers: this kernel takes their names in one page; 6.8 has no such limit`,
    );
  sys.chdir(base);
  attempt('/', 'mount the root', () => sys.mount('overlay', target, 'overlay', 0, options));
}

const escapeColons = (path: string) => path.replaceAll('\\', '\\\\').replaceAll(':', '\\:');

function commonDirectory(paths: readonly string[]): string {
  let common = dirname(paths[0]!);
  while (!paths.every((path) => path.startsWith(common === '/' ? '/' : `${common}/`)))
    common = dirname(common);
  return common;
}
