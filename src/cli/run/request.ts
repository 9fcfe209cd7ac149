import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DeviceRequest, parsePlatform, type RunRequest } from '../../index.ts';
import { given, OptionValues, type RawValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import {
  parseBytes,
  parseIntegerIn,
  parseKeyValue,
  parseLineFile,
  parseUlimit,
  resolveEnvironment,
} from '../values.ts';
import { lifeOptions } from './life.ts';
import { parseMountOption, parseTmpfsOption, parseVolumeOption } from './mounts.ts';
import { parseNetworkOptions } from './network-options.ts';
import { parseResources } from './resources.ts';
import { refuseUnsupported } from './unsupported.ts';

/** What the options and operands of a command line say, as a request. */
export function runRequest(raw: RawValues, image: string, command: readonly string[]): RunRequest {
  const values = new OptionValues(raw);
  refuseUnsupported(values);
  const resources = parseResources(values);
  return {
    image,
    remove: values.flag('rm'),
    ...(command.length > 0 && { command }),
    ...processOptions(values),
    ...lifeOptions(values),
    ...parseNetworkOptions(values),
    ...rightsOptions(values),
    mounts: [
      ...values.many('volume').map(parseVolumeOption),
      ...values.many('mount').map(parseMountOption),
      ...values.many('tmpfs').map(parseTmpfsOption),
    ],
    ...(resources && { resources }),
    ...given({
      name: values.one('name'),
      pull: values.one('pull') as RunRequest['pull'],
      platform: values.parsed('platform', '--platform', parsePlatform),
      shmSize: values.parsed('shmSize', '--shm-size', parseBytes),
      oomScoreAdj: values.parsed('oomScoreAdj', '--oom-score-adj', (text, option) =>
        parseIntegerIn(text, option, -1000, 1000),
      ),
    }),
  };
}

function processOptions(values: OptionValues): Partial<RunRequest> {
  const entrypoint = values.one('entrypoint');
  const labels = [...values.many('labelFile').flatMap(readLines), ...values.many('label')];
  return {
    env: environmentOptions(values),
    labels: Object.fromEntries(labels.map(parseKeyValue)),
    groupAdd: values.many('groupAdd'),
    init: values.flag('init'),
    readOnly: values.flag('readOnly'),
    ulimits: values.many('ulimit').map(parseUlimit),
    ...given({
      // An empty one takes away the image's.
      entrypoint: entrypoint === undefined ? undefined : entrypoint === '' ? [] : [entrypoint],
      workdir: values.one('workdir'),
      user: values.one('user'),
      stopSignal: values.one('stopSignal'),
    }),
  };
}

/** `--env-file` and `-e`. */
export function environmentOptions(values: OptionValues): readonly string[] {
  return [
    ...resolveEnvironment(values.many('envFile').flatMap(readLines), process.env, 'left out'),
    ...resolveEnvironment(values.many('env'), process.env, 'taken away'),
  ];
}

function rightsOptions(values: OptionValues): Partial<RunRequest> {
  return {
    capAdd: values.many('capAdd'),
    capDrop: values.many('capDrop'),
    securityOptions: values.many('securityOpt'),
    privileged: values.flag('privileged'),
    devices: values.many('device').map(parseDevice),
    sysctls: Object.fromEntries(values.many('sysctl').map(parseKeyValue)),
    hostNamespaces: (['pid', 'ipc', 'uts'] as const).filter((name) => isHost(values, name)),
  };
}

function isHost(values: OptionValues, name: 'pid' | 'ipc' | 'uts'): boolean {
  const mode = values.one(name) ?? '';
  if (mode === 'host') return true;
  // A shareable IPC namespace is one that another container could join; private is what every container has.
  if (mode === '' || (name === 'ipc' && ['private', 'shareable'].includes(mode))) return false;
  throw new UsageError(`--${name}: invalid ${name.toUpperCase()} mode "${mode}": use host, or leave it out`);
}

/** `HOST[:CONTAINER[:rwm]]`. */
function parseDevice(text: string): DeviceRequest {
  const [source = '', second, access] = text.split(':');
  const isAccess = second !== undefined && /^[rwm]{1,3}$/.test(second);
  const target = second === undefined || isAccess ? source : second;
  const valid = text.split(':').length <= 3 && (access === undefined || /^[rwm]{1,3}$/.test(access));
  if (!valid || !source.startsWith('/') || !target.startsWith('/')) {
    throw new UsageError(`invalid argument "${text}" for "--device": write /dev/NAME[:/dev/NAME][:rwm]`);
  }
  return { source: resolve(source), target: resolve(target) };
}

function readLines(file: string): readonly string[] {
  try {
    return parseLineFile(readFileSync(file, 'utf8'), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof UsageError) throw error;
    const reason = code === 'ENOENT' ? 'no such file or directory' : (error as Error).message;
    throw new UsageError(`open ${file}: ${reason}`);
  }
}
