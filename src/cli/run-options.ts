import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { RunRequest } from '../index.ts';
import { parseMountOption, parseTmpfsOption, parseVolumeOption } from './mount-option.ts';
import { UsageError } from './usage-error.ts';
import {
  parseBytes,
  parseBytesOrUnlimited,
  parseCpus,
  parseEnvironmentFile,
  parseExtraHost,
  parseInteger,
  parseKeyValue,
  parseUlimit,
  resolveEnvironment,
} from './values.ts';

/** The options of `docker run`, declared on a command. */
export function declareRunOptions(command: Command): Command {
  const list = (flags: string, about: string) =>
    command.addOption(
      new Option(flags, about).argParser((value: string, all: string[] | undefined) => [
        ...(all ?? []),
        value,
      ]),
    );
  command
    .option('--rm', 'remove the container when it exits')
    .option('-i, --interactive', 'keep standard input open')
    .option('-t, --tty', 'allocate a pseudo-terminal')
    .option('--name <name>', 'name of the container')
    .option('-w, --workdir <dir>', 'working directory inside the container')
    .option('-u, --user <user>', 'user name or id, with optional :group')
    .option('-h, --hostname <name>', 'host name of the container')
    .option('--domainname <name>', 'NIS domain name of the container')
    .option('--entrypoint <command>', "replace the image's ENTRYPOINT")
    .option('--network, --net <mode>', 'bridge, host or none')
    .option('-m, --memory <bytes>', 'memory limit')
    .option('--memory-swap <bytes>', 'memory and swap limit, -1 for unlimited swap')
    .option('--memory-reservation <bytes>', 'soft memory limit')
    .option('--cpus <number>', 'number of CPUs')
    .option('-c, --cpu-shares <weight>', 'relative CPU weight')
    .option('--cpu-period <us>', 'CFS period in microseconds')
    .option('--cpu-quota <us>', 'CFS quota in microseconds')
    .option('--cpuset-cpus <list>', 'CPUs to run on (0-3, 0,1)')
    .option('--cpuset-mems <list>', 'memory nodes to use')
    .option('--pids-limit <number>', 'limit of processes, -1 for unlimited')
    .option('--blkio-weight <weight>', 'relative block IO weight, 10 to 1000')
    .option('--read-only', "mount the container's root read-only")
    .option('--privileged', 'give all capabilities and devices')
    .option('--init', 'run an init that forwards signals and reaps processes')
    .option('--shm-size <bytes>', 'size of /dev/shm')
    .option('--oom-score-adj <number>', "tune the host's OOM preference (-1000 to 1000)")
    .addOption(
      new Option('--pull <policy>', 'pull the image before running')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .option('--platform <platform>', 'platform of the image, os/arch[/variant]')
    .option('-q, --quiet', 'do not show the progress of a pull');
  list('-e, --env <NAME=VALUE>', 'set an environment variable');
  list('--env-file <file>', 'read environment variables from a file');
  list('-v, --volume <[source:]target[:ro]>', 'bind mount or volume');
  list('--mount <options>', 'attach a mount: type=bind|volume|tmpfs,source=…,target=…');
  list('--tmpfs <target[:options]>', 'mount a tmpfs');
  list('-l, --label <key=value>', 'set metadata on the container');
  list('--group-add <group>', 'additional group');
  list('--cap-add <name>', 'add a capability');
  list('--cap-drop <name>', 'drop a capability');
  list('--security-opt <option>', 'no-new-privileges, seccomp=unconfined|FILE');
  list('--add-host <host:ip>', 'add a line to /etc/hosts');
  list('--dns <address>', 'name server');
  list('--dns-search <domain>', 'search domain');
  list('--dns-option <option>', 'resolver option');
  list('--ulimit <name=soft[:hard]>', 'resource limit');
  list('--sysctl <name=value>', 'kernel parameter of the container');
  return command;
}

/** Values as commander hands them over: the long names in camel case. */
export type RunOptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What the options say, as a request. */
export function runRequest(values: RunOptionValues, image: string, command: readonly string[]): RunRequest {
  const one = (name: string) => values[name] as string | undefined;
  const many = (name: string) => (values[name] as readonly string[] | undefined) ?? [];
  const optional = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
  const entrypoint = one('entrypoint');
  return {
    image,
    remove: values.rm === true,
    ...(command.length > 0 && { command }),
    ...optional('entrypoint', entrypoint === undefined ? undefined : entrypoint === '' ? [] : [entrypoint]),
    ...optional('name', one('name')),
    ...optional('workdir', one('workdir')),
    ...optional('user', one('user')),
    ...optional('hostname', one('hostname')),
    ...optional('domainname', one('domainname')),
    ...optional('network', one('network') ?? one('net')),
    ...optional('pull', one('pull') as RunRequest['pull']),
    env: resolveEnvironment([...many('envFile').flatMap(readEnvironmentFile), ...many('env')], process.env),
    labels: Object.fromEntries(many('label').map(parseKeyValue)),
    mounts: [
      ...many('volume').map(parseVolumeOption),
      ...many('mount').map(parseMountOption),
      ...many('tmpfs').map(parseTmpfsOption),
    ],
    groupAdd: many('groupAdd'),
    capAdd: many('capAdd'),
    capDrop: many('capDrop'),
    securityOptions: many('securityOpt'),
    extraHosts: many('addHost').map(parseExtraHost),
    dns: many('dns'),
    dnsSearch: many('dnsSearch'),
    dnsOptions: many('dnsOption'),
    ulimits: many('ulimit').map(parseUlimit),
    sysctls: Object.fromEntries(many('sysctl').map(parseKeyValue)),
    readOnly: values.readOnly === true,
    privileged: values.privileged === true,
    init: values.init === true,
    ...optional('shmSize', one('shmSize') && parseBytes(one('shmSize')!, '--shm-size')),
    ...optional('oomScoreAdj', one('oomScoreAdj') && parseInteger(one('oomScoreAdj')!, '--oom-score-adj')),
    ...resources(one),
  } as RunRequest;
}

function resources(one: (name: string) => string | undefined): Pick<RunRequest, 'resources'> {
  const read = <T>(name: string, parse: (text: string, option: string) => T, option: string) => {
    const text = one(name);
    return text === undefined ? undefined : parse(text, option);
  };
  const cpus = read('cpus', (text) => parseCpus(text), '--cpus');
  if (cpus !== undefined && (one('cpuPeriod') ?? one('cpuQuota')) !== undefined) {
    throw new UsageError('conflicting options: --cpus and --cpu-period or --cpu-quota cannot both be set');
  }
  const found = {
    memory: read('memory', parseBytes, '--memory'),
    memorySwap: read('memorySwap', parseBytesOrUnlimited, '--memory-swap'),
    memoryReservation: read('memoryReservation', parseBytes, '--memory-reservation'),
    cpuShares: read('cpuShares', parseInteger, '--cpu-shares'),
    cpuPeriod: cpus === undefined ? read('cpuPeriod', parseInteger, '--cpu-period') : 100_000,
    cpuQuota: cpus ?? read('cpuQuota', parseInteger, '--cpu-quota'),
    cpusetCpus: one('cpusetCpus'),
    cpusetMems: one('cpusetMems'),
    pidsLimit: read('pidsLimit', parseInteger, '--pids-limit'),
    blkioWeight: read('blkioWeight', parseInteger, '--blkio-weight'),
  };
  if (found.memory !== undefined && found.memory < 6 * 1024 * 1024) {
    throw new UsageError('Minimum memory limit allowed is 6MB');
  }
  if (
    found.memorySwap !== undefined &&
    found.memorySwap !== -1 &&
    found.memorySwap < (found.memory ?? Number.POSITIVE_INFINITY)
  ) {
    throw new UsageError('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  const given = Object.entries(found).filter(([, value]) => value !== undefined);
  return given.length === 0 ? {} : { resources: Object.fromEntries(given) };
}

function readEnvironmentFile(file: string): readonly string[] {
  try {
    return parseEnvironmentFile(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError(`open ${file}: no such file or directory`);
    throw error;
  }
}
