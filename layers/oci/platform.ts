import { StoreError } from '../errors.ts';

/** image-spec image-index.md, "platform". Field names as in Go's: normalised, never empty strings. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const COMPONENT = /^[A-Za-z0-9_.-]{1,128}$/;
const OS = /^([A-Za-z0-9_-]{1,128})(?:\(([A-Za-z0-9_.-]{1,128})\))?$/;

const SYSTEMS = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows zos'.split(
    ' ',
  ),
);
const ARCHITECTURES = new Set(
  (
    '386 amd64 amd64p32 arm arm64 arm64be armbe loong64 mips mips64 mips64le mips64p32 mips64p32le mipsle ppc ' +
    'ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

/** Names of Node's `process.arch` that Go spells in another way. */
const GO_ARCHITECTURE: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};

/** What this machine runs. */
export function hostPlatform(): Platform {
  const architecture = GO_ARCHITECTURE[process.arch] ?? process.arch;
  const { arm_version: version } = process.config.variables as { readonly arm_version?: string | number };
  const variant = architecture === 'arm' && version !== undefined ? `v${version}` : undefined;
  return normalise({ os: 'linux', architecture, ...(variant !== undefined && { variant }) });
}

/**
 * Parses `os[(version)][/arch[/variant]]`, or an architecture alone, as containerd does; what is left out is the
 * host's. The result is normalised: `linux/x86_64` → linux, amd64; `arm64/v8` → arm64; `arm` → arm, v7.
 * Throws `UNSUPPORTED`.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const [first = '', architecture, variant] = parts;
  const [, os, version] = OS.exec(first) ?? [];
  if (os === undefined || parts.length > 3 || !parts.slice(1).every((part) => COMPONENT.test(part)))
    throw invalid(text, 'expected os[(version)][/architecture[/variant]]');
  const versioned = version === undefined ? {} : { 'os.version': version };
  if (architecture !== undefined)
    return normalise({ os, ...versioned, architecture, ...(variant !== undefined && { variant }) });
  if (SYSTEMS.has(normaliseOs(os))) return normalise({ ...hostPlatform(), os, ...versioned });
  const alone = normalise({ os: hostPlatform().os, architecture: first });
  if (!ARCHITECTURES.has(alone.architecture))
    throw invalid(text, 'it is neither an operating system nor an architecture');
  return alone;
}

/** `linux/amd64`, `linux/arm/v7`, `windows(10.0.17763)/amd64`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  const version = platform['os.version'];
  return `${os}${version === undefined ? '' : `(${version})`}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

/** Whether somebody who wants `wanted` can use an image for `candidate`: the same, an older variant, the 32-bit sibling. */
export function matchPlatform(wanted: Platform, candidate: Platform): boolean {
  return rankOf(wanted, candidate) !== undefined;
}

/** The best of several things for a platform; the first of equals; undefined when none runs there. */
export function choosePlatform<T>(
  wanted: Platform,
  items: readonly T[],
  platformOf: (item: T) => Platform | undefined,
): T | undefined {
  let best: { readonly item: T; readonly rank: number } | undefined;
  for (const item of items) {
    const platform = platformOf(item);
    const rank = platform === undefined ? undefined : rankOf(wanted, platform);
    if (rank !== undefined && rank < (best?.rank ?? Number.POSITIVE_INFINITY)) best = { item, rank };
  }
  return best?.item;
}

/** 0 is exactly right, more is worse, undefined does not run there. */
function rankOf(wanted: Platform, candidate: Platform): number | undefined {
  const [want, have] = [normalise(wanted), normalise(candidate)];
  const version = want['os.version'];
  if (want.os !== have.os || (version !== undefined && version !== have['os.version'])) return undefined;
  const rank = compatible(want).indexOf(`${have.architecture}/${have.variant ?? ''}`);
  return rank < 0 ? undefined : rank;
}

/** What a processor runs, best first, as `architecture/variant` with an empty variant for the usual one. */
function compatible({ architecture, variant = '' }: Platform): string[] {
  const level = /^v([0-9])$/.exec(variant)?.[1];
  switch (architecture) {
    case 'amd64': {
      const levels = downFrom(Number(level ?? 1), 2).map((n) => `amd64/v${n}`);
      const own = variant === '' || level !== undefined ? [] : [`amd64/${variant}`];
      return [...own, ...levels, 'amd64/', '386/'];
    }
    case 'arm64': {
      const own = variant === '' ? [] : [`arm64/${variant}`];
      return [...own, 'arm64/', ...downFrom(8, 5).map((n) => `arm/v${n}`)];
    }
    case 'arm':
      return level === undefined ? [`arm/${variant}`] : downFrom(Number(level), 5).map((n) => `arm/v${n}`);
    default:
      return [`${architecture}/${variant}`];
  }
}

function downFrom(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => from - index);
}

/** One name for each thing: what containerd's Normalize does. */
function normalise(platform: Platform): Platform {
  const { architecture, variant } = normaliseArchitecture(
    platform.architecture.toLowerCase(),
    platform.variant?.toLowerCase() ?? '',
  );
  const { variant: _, ...rest } = platform;
  return { ...rest, os: normaliseOs(platform.os), architecture, ...(variant !== '' && { variant }) };
}

function normaliseOs(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function normaliseArchitecture(
  architecture: string,
  variant: string,
): { readonly architecture: string; readonly variant: string } {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'amd64':
    case 'x86_64':
    case 'x86-64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'arm64':
    case 'aarch64':
      return { architecture: 'arm64', variant: ARM64_VARIANTS[variant] ?? variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture, variant: variant === '' ? 'v7' : variant.replace(/^[5-8]$/, 'v$&') };
    default:
      return { architecture, variant };
  }
}

const ARM64_VARIANTS: Readonly<Record<string, string>> = {
  8: '',
  v8: '',
  'v8.0': '',
  9: 'v9',
  '9.0': 'v9',
  'v9.0': 'v9',
};

function invalid(text: string, why: string): StoreError {
  return new StoreError(
    'UNSUPPORTED',
    text,
    `Invalid platform ${JSON.stringify(text.slice(0, 200))}: ${why}`,
  );
}
