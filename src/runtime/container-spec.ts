import { hostname } from 'node:os';
import type { ContainerConfig } from '../../layers/index.ts';
import type { Resources, Rlimit, Spec, SpecMount } from '../sandbox/spec.ts';
import { chooseCapabilities } from './capability-names.ts';
import type { ContainerOptions, ContainerResources, Ulimit } from './container-options.ts';
import {
  capabilitySets,
  DEFAULT_SHM_SIZE,
  defaultMounts,
  MASKED_PATHS,
  namespaces,
  READONLY_PATHS,
} from './defaults.ts';
import { environmentLines, imageEnvironment } from './environment.ts';
import { RuntimeError } from './errors.ts';
import type { ResolvedUser } from './passwd.ts';
import { seccompFor } from './security-options.ts';

export interface ContainerSpecInput {
  /** 64 hex digits. */
  readonly id: string;
  readonly config: ContainerConfig;
  readonly options: ContainerOptions;
  readonly user: ResolvedUser;
  readonly network: { readonly host: boolean; readonly path?: string };
  /** Binds, volumes and tmpfs as asked for, made ready by the caller. */
  readonly mounts: readonly SpecMount[];
}

/** The OCI runtime spec of a container: image config and options over Docker's defaults. */
export function containerSpec(input: ContainerSpecInput): Spec {
  const { id, config, options, user } = input;
  const privileged = options.privileged ?? false;
  const capabilities = chooseCapabilities({
    add: options.capAdd ?? [],
    drop: options.capDrop ?? [],
    privileged,
  });
  const seccomp = seccompFor(options.securityOptions ?? [], capabilities, privileged);
  const resources = specResources(options.resources);
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: options.terminal !== undefined,
      ...(options.terminal && {
        consoleSize: { height: options.terminal.rows, width: options.terminal.columns },
      }),
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: commandLine(config, options),
      env: environment(input),
      cwd: options.workdir ?? (config.WorkingDir || '/'),
      capabilities: capabilitySets(capabilities, user.uid),
      rlimits: (options.ulimits ?? []).map(rlimit),
      noNewPrivileges: (options.securityOptions ?? []).some((text) =>
        /^no-new-privileges(?:[:=]true)?$/.test(text),
      ),
      ...(options.oomScoreAdj !== undefined && { oomScoreAdj: options.oomScoreAdj }),
    },
    root: { path: 'rootfs', readonly: options.readOnly ?? false },
    hostname: hostnameOf(input),
    ...(options.domainname !== undefined && { domainname: options.domainname }),
    mounts: [
      ...defaultMounts({ shmSize: options.shmSize ?? DEFAULT_SHM_SIZE, writableSys: privileged }).filter(
        ({ destination }) => !input.mounts.some((mount) => mount.destination === destination),
      ),
      ...input.mounts,
    ],
    linux: {
      namespaces: namespaces(input.network),
      ...(resources && { resources, cgroupsPath: `/tsbuild/${id}` }),
      ...(options.sysctls && { sysctl: options.sysctls }),
      ...(seccomp && { seccomp }),
      maskedPaths: privileged ? [] : MASKED_PATHS,
      readonlyPaths: privileged ? [] : READONLY_PATHS,
    },
  };
}

/** Entrypoint and command, as `docker run` combines those of the image and those given. */
export function commandLine(config: ContainerConfig, options: ContainerOptions): readonly string[] {
  const replaced = options.entrypoint !== undefined;
  const entrypoint = options.entrypoint ?? config.Entrypoint ?? [];
  const command = options.command ?? (replaced ? [] : (config.Cmd ?? []));
  const args = [...entrypoint, ...command];
  if (args.length === 0) {
    throw new RuntimeError(
      'NO_COMMAND',
      '',
      'No command specified: the image has neither CMD nor ENTRYPOINT, so name a command after the image',
    );
  }
  return args;
}

/** `--hostname`, else the short id; of the host when its network is shared. */
function hostnameOf({ id, options }: ContainerSpecInput): string {
  return options.hostname ?? (options.network === 'host' ? hostname() : id.slice(0, 12));
}

function environment(input: ContainerSpecInput): readonly string[] {
  const { config, options, user } = input;
  const variables = new Map(imageEnvironment(config.Env ?? []));
  for (const [name, value] of imageEnvironment(options.env ?? [])) variables.set(name, value);
  if (!variables.has('HOME')) variables.set('HOME', user.home);
  return environmentLines(variables, {
    HOSTNAME: hostnameOf(input),
    ...(options.terminal && { TERM: 'xterm' }),
  });
}

/** -1 stays what it is: the sandbox knows it as unlimited. */
function rlimit({ name, soft, hard }: Ulimit): Rlimit {
  return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard };
}

/** Undefined when nothing is limited: then no cgroup is joined at all. */
export function specResources(request: ContainerResources | undefined): Resources | undefined {
  if (request === undefined) return undefined;
  const memory = defined({
    limit: request.memory,
    reservation: request.memoryReservation,
    // Docker's default: as much swap again as there is memory.
    swap: request.memorySwap ?? (request.memory === undefined ? undefined : request.memory * 2),
  });
  const cpu = defined({
    shares: request.cpuShares,
    quota: request.cpuQuota,
    period: request.cpuPeriod,
    cpus: request.cpusetCpus,
    mems: request.cpusetMems,
  });
  const pids =
    request.pidsLimit === undefined || request.pidsLimit <= 0 ? undefined : { limit: request.pidsLimit };
  const blockIO = request.blkioWeight === undefined ? undefined : { weight: request.blkioWeight };
  return defined({ memory, cpu, pids, blockIO });
}

/** The object without its undefined fields; undefined when none is left. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? undefined
    : (Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> });
}
