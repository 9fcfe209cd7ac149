import { readFileSync } from 'node:fs';
import { parsePlatform, type RunRequest } from '../../index.ts';
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
import { parseMountOption, parseTmpfsOption, parseVolumeOption, parseVolumesFrom } from './mounts.ts';
import { parseNetworkOptions } from './network-options.ts';
import { parseResources } from './resources.ts';
import { rightsOptions } from './rights.ts';
import { refuseUnsupported } from './unsupported.ts';

/** What the options and operands of a command line say, as a request. */
export function runRequest(raw: RawValues, image: string, command: readonly string[]): RunRequest {
  const values = new OptionValues(raw);
  refuseUnsupported(values);
  const resources = parseResources(values);
  return {
    image,
    remove: values.flag('rm'),
    pull: (values.one('pull') ?? 'missing') as NonNullable<RunRequest['pull']>,
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
    volumesFrom: values.many('volumesFrom').map(parseVolumesFrom),
    ...(resources && { resources }),
    ...given({
      // As for Docker an empty one is none.
      name: values.one('name') || undefined,
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
