import type { HealthcheckConfig } from './container-options.ts';
import type { ContainerState } from './container-state.ts';

/** Nanoseconds, as image configs have them. */
const PER_MILLISECOND = 1e6;

/** The health check of a container: the image's with what was given over it; undefined when there is none. */
export function healthcheckOf({
  config,
  options,
}: Pick<ContainerState, 'config' | 'options'>): HealthcheckConfig | undefined {
  const { Healthcheck: image } = config;
  const merged: HealthcheckConfig = {
    ...(image?.Test && { test: image.Test }),
    ...milliseconds('intervalMs', image?.Interval),
    ...milliseconds('timeoutMs', image?.Timeout),
    ...milliseconds('startPeriodMs', image?.StartPeriod),
    ...milliseconds('startIntervalMs', image?.StartInterval),
    ...(image?.Retries && { retries: image.Retries }),
    ...options.healthcheck,
  };
  const [kind = 'NONE'] = merged.test ?? [];
  return kind === 'NONE' ? undefined : merged;
}

function milliseconds(name: keyof HealthcheckConfig, nanoseconds = 0): HealthcheckConfig {
  return nanoseconds > 0 ? { [name]: nanoseconds / PER_MILLISECOND } : {};
}
