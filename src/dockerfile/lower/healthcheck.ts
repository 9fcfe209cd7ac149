import type { Healthcheck } from '../../../layers/index.ts';
import { formatDuration } from '../durations.ts';
import type { HealthcheckInstruction } from '../instructions.ts';
import type { Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

type Check = NonNullable<HealthcheckInstruction['check']>;

export const lowerHealthcheck: Lower<'HEALTHCHECK'> = (state, { check }, context) => {
  const Test = check === undefined ? ['NONE'] : testOf(check);
  const Healthcheck: Healthcheck = { Test, ...(check === undefined ? {} : timings(check)) };
  return commit(withConfig(state, { Healthcheck }), {
    text: `HEALTHCHECK ${describe(Test, check)}`,
    created: context.created,
  });
};

function testOf({ command }: Check): readonly string[] {
  return command.form === 'shell' ? ['CMD-SHELL', command.text] : ['CMD', ...command.args];
}

/** Zero means "as the runtime has it" and is left out. */
function timings(check: Check): Healthcheck {
  return {
    ...(check.interval !== 0 && { Interval: check.interval }),
    ...(check.timeout !== 0 && { Timeout: check.timeout }),
    ...(check.startPeriod !== 0 && { StartPeriod: check.startPeriod }),
    ...(check.startInterval !== 0 && { StartInterval: check.startInterval }),
    ...(check.retries !== 0 && { Retries: check.retries }),
  };
}

function describe(test: readonly string[], check: Check | undefined): string {
  const duration = (key: 'interval' | 'timeout' | 'startPeriod' | 'startInterval') =>
    formatDuration(check?.[key] ?? 0);
  return (
    `{Test:[${test.join(' ')}] Interval:${duration('interval')} Timeout:${duration('timeout')} ` +
    `StartPeriod:${duration('startPeriod')} StartInterval:${duration('startInterval')} Retries:${check?.retries ?? 0}}`
  );
}
