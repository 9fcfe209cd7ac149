import { cpus as processors } from 'node:os';
import { type RunRequest, supportedLimits } from '../../index.ts';
import { given, type OptionValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import { parseBytes, parseBytesOrUnlimited, parseCpus, parseInteger, parseIntegerIn } from '../values.ts';
import { warn } from '../warn.ts';

type Resources = NonNullable<RunRequest['resources']>;

/** Limits of memory and processors, checked as Docker checks them; undefined when there are none. Zero is "not given". */
export function parseLimits(values: OptionValues): Resources | undefined {
  return orUndefined({ ...memory(values), ...cpu(values) });
}

/** All that limits a container, {@link parseLimits} included. */
export function parseResources(values: OptionValues): Resources | undefined {
  return orUndefined({
    ...parseLimits(values),
    ...given({
      pidsLimit: values.parsed('pidsLimit', '--pids-limit', parseInteger),
      blkioWeight: values.parsed('blkioWeight', '--blkio-weight', (text, option) =>
        text === '0' ? undefined : parseIntegerIn(text, option, 10, 1000),
      ),
      blkioWeightDevices: devices(values, 'blkioWeightDevice', (path, text, option) => ({
        path,
        weight: parseIntegerIn(text, option, 10, 1000),
      })),
      readBps: devices(values, 'deviceReadBps', bytesRate),
      writeBps: devices(values, 'deviceWriteBps', bytesRate),
      readIops: devices(values, 'deviceReadIops', countRate),
      writeIops: devices(values, 'deviceWriteIops', countRate),
      oomKillDisable: values.flag('oomKillDisable') || undefined,
      cgroupParent: values.one('cgroupParent'),
    }),
  });
}

/** Those of the limits that this system can hold; warns of the others. */
export function limitsHere(wanted: Resources | undefined): Resources | undefined {
  if (wanted === undefined) return undefined;
  const { resources, warnings } = supportedLimits(wanted);
  for (const line of warnings) warn(line);
  return orUndefined(resources);
}

/** A request with limits that this system can hold, as {@link limitsHere}. */
export function withLimitsHere({ resources: wanted, ...request }: RunRequest): RunRequest {
  const resources = limitsHere(wanted);
  return { ...request, ...(resources !== undefined && { resources }) };
}

/** The `PATH:VALUE`s of an option. */
function devices<T>(
  values: OptionValues,
  name: string,
  parse: (path: string, value: string, option: string) => T,
): readonly T[] | undefined {
  const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const parsed = values.many(name).map((text) => {
    const [, path, value] = /^(\/dev\/[^:]+):(.+)$/.exec(text) ?? [];
    if (path === undefined || value === undefined)
      throw new UsageError(`bad format for path: ${text}: write ${option} /dev/NAME:VALUE`);
    return parse(path, value, option);
  });
  return parsed.length === 0 ? undefined : parsed;
}

const bytesRate = (path: string, text: string, option: string) => ({ path, rate: parseBytes(text, option) });
const countRate = (path: string, text: string, option: string) => ({
  path,
  rate: parseIntegerIn(text, option, 1, Number.MAX_SAFE_INTEGER),
});

const orUndefined = (found: Resources) => (Object.keys(found).length === 0 ? undefined : found);

const LEAST_MEMORY = 6 * 1024 * 1024;

function memory(values: OptionValues): Partial<Resources> {
  const limit = values.parsed('memory', '--memory', parseBytes) || undefined;
  const swap = values.parsed('memorySwap', '--memory-swap', parseBytesOrUnlimited) || undefined;
  const reservation = values.parsed('memoryReservation', '--memory-reservation', parseBytes) || undefined;
  if (limit !== undefined && limit < LEAST_MEMORY)
    throw new UsageError('Minimum memory limit allowed is 6MB');
  if (swap !== undefined && swap !== -1 && limit === undefined) {
    throw new UsageError(
      'You should always set the Memory limit when using Memoryswap limit: add -m, at most as large',
    );
  }
  if (swap !== undefined && swap !== -1 && swap < (limit ?? 0)) {
    throw new UsageError(
      'Minimum memoryswap limit should be larger than memory limit: it counts both together',
    );
  }
  if (reservation !== undefined && limit !== undefined && reservation > limit)
    throw new UsageError('Minimum memory limit can not be less than memory reservation limit');
  return given({
    memory: limit,
    memorySwap: swap,
    memoryReservation: reservation,
    memorySwappiness: values.parsed('memorySwappiness', '--memory-swappiness', (text, option) =>
      text === '-1' ? undefined : parseIntegerIn(text, option, 0, 100),
    ),
  });
}

const PERIOD = 100_000;

function cpu(values: OptionValues): Partial<Resources> {
  const cpus = values.parsed('cpus', '--cpus', parseCpus) || undefined;
  const period = values.parsed('cpuPeriod', '--cpu-period', parseInteger) || undefined;
  const quota = values.parsed('cpuQuota', '--cpu-quota', parseInteger) || undefined;
  if (cpus !== undefined && (period ?? quota) !== undefined) {
    throw new UsageError('conflicting options: --cpus and --cpu-period or --cpu-quota cannot both be set');
  }
  if (period !== undefined && (period < 1000 || period > 1_000_000)) {
    throw new UsageError(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  }
  if (quota !== undefined && quota > 0 && quota < 1000)
    throw new UsageError('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  const most = cpus === undefined ? 0 : processors().length;
  if (cpus !== undefined && (cpus < 0.01 || cpus > most)) {
    throw new UsageError(
      `range of CPUs is from 0.01 to ${most}.00, as there are only ${most} CPUs available`,
    );
  }
  return given({
    cpuPeriod: cpus === undefined ? period : PERIOD,
    cpuQuota: cpus === undefined ? quota : Math.round(cpus * PERIOD),
    cpuShares: values.parsed('cpuShares', '--cpu-shares', parseInteger) || undefined,
    cpusetCpus: values.one('cpusetCpus') || undefined,
    cpusetMems: values.one('cpusetMems') || undefined,
  });
}
