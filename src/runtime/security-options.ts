import { readFileSync } from 'node:fs';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '../sandbox/masks.ts';
import { defaultSeccomp } from '../sandbox/seccomp-default.ts';
import type { Seccomp, SeccompRule } from '../sandbox/spec.ts';
import { RuntimeError } from './errors.ts';

/** The filter that `--security-opt seccomp=…` asks for; undefined is none. */
export function seccompFor(
  options: readonly string[],
  capabilities: readonly string[],
  privileged: boolean,
): Seccomp | undefined {
  for (const option of options) checkOption(option);
  const choice = options.findLast((option) => option.startsWith('seccomp'))?.slice('seccomp='.length);
  if (choice === 'unconfined' || (choice === undefined && privileged)) return undefined;
  if (choice === undefined || choice === 'builtin') return defaultSeccomp(capabilities);
  return readProfile(choice, capabilities);
}

const KNOWN =
  /^(no-new-privileges([:=](true|false))?|systempaths=unconfined|(seccomp|label|apparmor)[:=].+|(un)?mask=.+)$/;

function checkOption(option: string): void {
  if (KNOWN.test(option)) return;
  throw new RuntimeError(
    'BAD_OPTION',
    option,
    `invalid --security-opt: ${JSON.stringify(option)}: use no-new-privileges, seccomp=unconfined|builtin|FILE, systempaths=unconfined, mask=PATH or unmask=PATH`,
  );
}

/** The last of the options counts. */
export function forbidsNewPrivileges(options: readonly string[]): boolean {
  const last = options.findLast((text) => text.startsWith('no-new-privileges'));
  return last !== undefined && !/false$/.test(last);
}

/** Which paths of the kernel are hidden, and which read-only: Docker's, less and more as asked for. */
export function guardedPaths(
  options: readonly string[],
  privileged: boolean,
): { readonly maskedPaths: readonly string[]; readonly readonlyPaths: readonly string[] } {
  const more = pathsOf(options, 'mask=');
  if (privileged || options.includes('systempaths=unconfined'))
    return { maskedPaths: more, readonlyPaths: [] };
  const less = pathsOf(options, 'unmask=');
  const isGuarded = (path: string) => !less.includes('ALL') && !less.includes(path);
  return {
    maskedPaths: [...DEFAULT_MASKED_PATHS.filter(isGuarded), ...more],
    readonlyPaths: DEFAULT_READONLY_PATHS.filter(isGuarded),
  };
}

const pathsOf = (options: readonly string[], prefix: string) =>
  options.flatMap((option) => (option.startsWith(prefix) ? option.slice(prefix.length).split(':') : []));

/** A profile in Docker's JSON: the runtime spec's, with conditions on capabilities and architecture. */
interface Profile extends Seccomp {
  readonly syscalls?: readonly (SeccompRule & {
    readonly includes?: ProfileCondition;
    readonly excludes?: ProfileCondition;
  })[];
}

interface ProfileCondition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function readProfile(file: string, capabilities: readonly string[]): Seccomp {
  let profile: Profile;
  try {
    // Its text in the place of its name is a file that was read when the container was asked for.
    profile = JSON.parse(file.startsWith('{') ? file : readFileSync(file, 'utf8')) as Profile;
  } catch (cause) {
    throw new RuntimeError(
      'BAD_OPTION',
      file,
      `opening seccomp profile (${file}) failed: ${(cause as Error).message}`,
      { cause },
    );
  }
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const isWanted = ({ caps = [], arches }: ProfileCondition) =>
    caps.every((name) => capabilities.includes(name)) &&
    (arches === undefined || arches.length === 0 || arches.includes(architecture));
  // As Docker has it: a rule is left out as soon as anything of what it excludes is there.
  const isExcluded = ({ caps = [], arches = [] }: ProfileCondition) =>
    caps.some((name) => capabilities.includes(name)) || arches.includes(architecture);
  const wanted = (profile.syscalls ?? []).filter(
    ({ includes = {}, excludes = {} }) => isWanted(includes) && !isExcluded(excludes),
  );
  return {
    ...profile,
    syscalls: wanted.map(({ names, action, errnoRet, args }) => rule(names, action, errnoRet, args)),
  };
}

function rule(
  names: readonly string[],
  action: string,
  errnoRet: number | undefined,
  args: SeccompRule['args'] | undefined,
): SeccompRule {
  return { names, action, ...(errnoRet !== undefined && { errnoRet }), ...(args && { args }) };
}
