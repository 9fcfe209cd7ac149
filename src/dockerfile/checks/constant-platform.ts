import type { FromInstruction } from '../instructions.ts';
import type { FindingList } from './finding-list.ts';

const systems = new Set(
  'aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows'.split(
    ' ',
  ),
);

/** Names of architectures and what they are normalised to. */
const architectures: Readonly<Record<string, string>> = {
  i386: '386',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

/** FromPlatformFlagConstDisallowed: a platform without variables, unless the stage is named after it. */
export function checkConstantPlatform(from: FromInstruction, list: FindingList): void {
  const { platform, name = '' } = from;
  if (platform === undefined || platform.includes('$')) return;
  const parts = platformParts(platform);
  // A platform that cannot be read is an error of its own, later.
  if (parts === undefined || parts.some((part) => name.includes(part))) return;
  list.addAt(
    from,
    'FromPlatformFlagConstDisallowed',
    `FROM --platform flag should not use constant value "${platform}"`,
  );
}

/** The words of a platform that a stage may be named after: system and architecture, as far as written. */
function platformParts(platform: string): readonly string[] | undefined {
  const [first = '', architecture] = platform.toLowerCase().split('/');
  if (!/^[a-z0-9_.-]+(?:\([^()]*\))?$/.test(first)) return undefined;
  const system = first.replace(/\(.*$/, '');
  if (architecture !== undefined) return [system, architectures[architecture] ?? architecture];
  if (systems.has(system)) return [system];
  return [architectures[system] ?? system];
}
