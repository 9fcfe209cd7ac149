import type { RunRequest } from '../../index.ts';
import { parseDuration } from '../format/moment.ts';
import { given, type OptionValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import { parseInteger, parseKeyValue } from '../values.ts';

type RestartPolicy = NonNullable<RunRequest['restart']>;

/** How a container is kept going, and what is kept of its output. */
export function lifeOptions(values: OptionValues): Partial<RunRequest> {
  const restart = values.parsed('restart', '--restart', parseRestartPolicy);
  if (restart !== undefined && restart.name !== 'no' && values.flag('rm'))
    throw new UsageError('conflicting options: cannot specify both --restart and --rm');
  return {
    interactive: values.flag('interactive'),
    // As for Docker: who has started it may end its input, who comes later may not.
    stdinOnce: values.flag('interactive') && !values.flag('detach'),
    ...given({
      restart,
      healthcheck: parseHealthcheck(values),
      log: parseLog(values),
      stopTimeoutSeconds: values.parsed('stopTimeout', '--stop-timeout', parseInteger),
      detachKeys: values.one('detachKeys'),
    }),
  };
}

/** `no`, `always`, `unless-stopped`, `on-failure[:times]`. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [name = '', count] = text.split(/:(.*)/s);
  if (name === 'on-failure') return { name, maximumRetryCount: count === undefined ? 0 : times(count) };
  const simple = name === '' ? 'no' : name;
  if (simple !== 'no' && simple !== 'always' && simple !== 'unless-stopped')
    throw new UsageError(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  if (count !== undefined)
    throw new UsageError("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  return { name: simple, maximumRetryCount: 0 };
}

function times(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError('invalid restart policy: maximum retry count must be an integer');
}

/** Undefined when nothing is said about it. */
function parseHealthcheck(values: OptionValues): RunRequest['healthcheck'] {
  const command = values.one('healthCmd');
  const rest = given({
    intervalMs: values.parsed('healthInterval', '--health-interval', parseWait),
    timeoutMs: values.parsed('healthTimeout', '--health-timeout', parseWait),
    startPeriodMs: values.parsed('healthStartPeriod', '--health-start-period', parseWait),
    startIntervalMs: values.parsed('healthStartInterval', '--health-start-interval', parseWait),
    retries: values.parsed('healthRetries', '--health-retries', parseInteger) || undefined,
  });
  const isGiven = command !== undefined || Object.keys(rest).length > 0;
  if (values.raw.healthcheck === false) {
    if (isGiven) throw new UsageError('--no-healthcheck conflicts with --health-* options');
    return { test: ['NONE'] };
  }
  return isGiven ? { ...rest, ...(command !== undefined && { test: ['CMD-SHELL', command] }) } : undefined;
}

/** Zero is "not given". */
function parseWait(text: string, option: string): number | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds === 0) return undefined;
  if (milliseconds !== undefined && milliseconds >= 1) return milliseconds;
  throw new UsageError(
    `invalid argument "${text}" for "${option}": write a duration of 1ms or more, such as 30s or 1m30s`,
  );
}

const DRIVERS = ['json-file', 'local', 'none'] as const;

function parseLog(values: OptionValues): RunRequest['log'] {
  const driver = values.one('logDriver');
  const options = Object.fromEntries(values.many('logOpt').map(parseKeyValue));
  if (driver === undefined && Object.keys(options).length === 0) return undefined;
  const known = DRIVERS.find((name) => name === (driver || 'json-file'));
  if (known === undefined)
    throw new UsageError(`no log driver named '${driver}' is registered: use ${DRIVERS.join(', ')}`);
  return { driver: known, options };
}
