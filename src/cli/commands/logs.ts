import { containerLogs, type LogEntry } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { parseMoment } from '../format/moment.ts';
import type { CommandModule } from '../tsctr.ts';

interface LogsValues {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
}

export const logs: CommandModule = {
  declare(command, done) {
    command
      .argument('<container>')
      .option('-f, --follow', 'go on until the container ends')
      .option('-n, --tail <lines>', 'the last so many lines, or all', 'all')
      .option('--since <time>', 'a time, or how long ago (42m)')
      .option('--until <time>', 'a time, or how long ago (42m)')
      .option('-t, --timestamps', 'begin each line with its time')
      .option('--details', 'accepted for compatibility')
      .action(async (name: string, values: LogsValues) => {
        const request = {
          follow: values.follow === true,
          ...(values.since !== undefined && { since: parseMoment(values.since, '--since') }),
          ...(values.until !== undefined && { until: parseMoment(values.until, '--until') }),
          ...tailOf(values.tail),
        };
        for await (const entry of containerLogs(name, request))
          await print(entry, values.timestamps === true);
        done(ExitCode.ok);
      });
  },
};

/** As for Docker, what is no number is `all`. */
function tailOf(text = 'all'): { readonly tail?: number } {
  return /^\d{1,15}$/.test(text) ? { tail: Number(text) } : {};
}

async function print({ log, stream, time }: LogEntry, timestamps: boolean): Promise<void> {
  const output = process[stream];
  const text = timestamps ? `${nanoseconds(time)} ${log}` : log;
  if (!output.write(text)) await new Promise((resolve) => output.once('drain', resolve));
}

/** RFC 3339 with nine digits, as Docker prints it. */
function nanoseconds(time: string): string {
  return time.replace(/(?:\.(\d+))?Z$/, (_, digits: string = '') => `.${digits.padEnd(9, '0')}Z`);
}
