import type { Platform } from '../../layers/index.ts';

const SYSTEMS = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'dragonfly',
  'solaris',
  'illumos',
  'aix',
  'android',
  'plan9',
  'js',
  'wasi',
  'wasip1',
  'ios',
  'zos',
]);
const MACHINES = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mipsle',
  'mips64',
  'mips64le',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
]);
const ALIASES: Readonly<Record<string, string>> = {
  i386: '386',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
};

/** `os`, `architecture` or `os[(version)]/architecture[/variant]`, in any case. Throws Error saying what is wrong. */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split('/');
  const [, os = '', version] = /^([\w.-]+)(?:\(([\w.%-]*)\))?$/.exec(parts[0]!) ?? [];
  const wrong = os === '' ? parts[0] : parts.slice(1).find((part) => !/^[\w.-]+$/.test(part));
  if (wrong !== undefined) {
    throw new Error(
      `"${wrong}" is an invalid component of "${text}": write it as os/architecture or os/architecture/variant`,
    );
  }
  if (parts.length > 3) throw new Error(`"${text}": cannot parse platform specifier`);
  const withVersion =
    version === undefined || version === '' ? {} : { 'os.version': decodeURIComponent(version) };
  if (parts.length > 1) return { ...platform(os, parts[1]!, parts[2]), ...withVersion };
  const system = normalSystem(os);
  if (SYSTEMS.has(system))
    return {
      ...platform(system, host.architecture, system === host.os ? host.variant : undefined),
      ...withVersion,
    };
  const machine = platform(host.os, os, undefined);
  if (MACHINES.has(machine.architecture)) return machine;
  throw new Error(`"${text}": unknown operating system or architecture`);
}

/** `linux/arm/v7`, with the version of the system where there is one: `windows(10.0.17763)/amd64`. */
export function formatPlatform(value: Platform, withVersion = true): string {
  const version = withVersion && value['os.version'] !== undefined ? `(${value['os.version']})` : '';
  const variant = value.variant === undefined ? '' : `/${value.variant}`;
  return `${value.os}${version}/${value.architecture}${variant}`;
}

/** The platform as containerd writes it, so that equal ones are equal: `aarch64/v8` is `arm64`. */
function platform(os: string, architecture: string, variant: string | undefined): Platform {
  const given = variant?.toLowerCase().replace(/^(\d)$/, 'v$1');
  let machine = architecture.toLowerCase();
  let kind = given;
  machine = ALIASES[machine] ?? machine;
  if (machine === 'armhf') [machine, kind] = ['arm', 'v7'];
  else if (machine === 'armel') [machine, kind] = ['arm', 'v6'];
  else if (machine === 'arm') kind = given ?? 'v7';
  else if ((machine === 'amd64' && given === 'v1') || (machine === 'arm64' && given === 'v8'))
    kind = undefined;
  return { os: normalSystem(os), architecture: machine, ...(kind === undefined ? {} : { variant: kind }) };
}

function normalSystem(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}
