import { readFileSync } from 'node:fs';
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

function checkOption(option: string): void {
  if (/^(no-new-privileges([:=](true|false))?|seccomp[:=].+|label[:=].+|apparmor[:=].+)$/.test(option))
    return;
  throw new RuntimeError(
    'BAD_OPTION',
    option,
    `invalid --security-opt: ${JSON.stringify(option)}: use no-new-privileges, seccomp=unconfined or seccomp=FILE`,
  );
}

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
    profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
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
