import { type ContainerEvent, events as eventsOf } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { parseMoment } from '../format/moment.ts';
import { renderTemplate } from '../format/template/render.ts';
import { listOption } from '../option-values.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { filterBy, hasLabel } from './filter.ts';

interface EventsValues {
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

export const events: CommandModule = {
  declare(command, done) {
    command
      .option('--format <template>', 'a Go template, or json')
      .option('--since <time>', 'a time, or how long ago (42m)')
      .option('--until <time>', 'a time, or how long ago (42m)');
    listOption(command, '-f, --filter <condition>', 'container, event, image, label, type');
    command.action(async ({ filter = [], format, since, until }: EventsValues) => {
      const passes = filterBy(filter, FILTERS);
      const request = {
        ...(since !== undefined && { since: parseMoment(since, '--since') }),
        ...(until !== undefined && { until: parseMoment(until, '--until') }),
      };
      for await (const event of eventsOf(request))
        if (passes(event)) stdout.write(`${formatEvent(event, format)}\n`);
      done(ExitCode.ok);
    });
  },
};

const FILTERS: Readonly<Record<string, (event: ContainerEvent, value: string) => boolean>> = {
  container: ({ Actor }, value) =>
    Actor.Attributes.name === value || (value.length > 0 && Actor.ID.startsWith(value)),
  event: ({ Action }, value) => Action === value || Action.startsWith(`${value}:`),
  image: ({ from }, value) => from === value || from.split(':')[0] === value,
  label: ({ Actor }, value) => hasLabel(Actor.Attributes, value),
  type: ({ Type }, value) => Type === value,
};

/** As `docker events` prints one. */
function formatEvent(event: ContainerEvent, format: string | undefined): string {
  if (format === 'json' || format === '{{json .}}') return JSON.stringify(event);
  if (format !== undefined) return renderTemplate(format, event);
  const { Type, Action, Actor, timeNano } = event;
  const attributes = Object.entries(Actor.Attributes)
    .map((pair) => pair.join('='))
    .sort();
  return `${localTime(timeNano / 1e6)} ${Type} ${Action} ${Actor.ID} (${attributes.join(', ')})`;
}

/** RFC 3339 in the zone of this process, with nine digits. */
function localTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const offset = -date.getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
  const two = (number: number) => String(Math.trunc(Math.abs(number))).padStart(2, '0');
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(offset / 60)}:${two(offset % 60)}`;
  return `${local}000000${zone}`;
}
