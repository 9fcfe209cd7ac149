import { createHash } from 'node:crypto';
import type { ProgressEvent } from '../../index.ts';
import type { Outcome, ProgressView, TextOutput } from './view.ts';

/** One line of JSON an event, as BuildKit's solve status: `vertexes`, `statuses`, `logs`, `warnings`. */
export function rawJsonView(output: TextOutput): ProgressView {
  return {
    show(event) {
      output.write(`${JSON.stringify(solveStatus(event))}\n`);
    },
    finish(outcome) {
      if (outcome?.imageId !== undefined)
        output.write(exportStatus({ ...outcome, imageId: outcome.imageId }));
    },
  };
}

function solveStatus(event: ProgressEvent): object {
  const time = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
  switch (event.kind) {
    case 'vertex':
      return {
        vertexes: [
          {
            digest: event.digest,
            ...(event.inputs.length > 0 && { inputs: event.inputs }),
            name: event.name,
            started: time(event.started),
            completed: time(event.completed),
            ...(event.cached && { cached: true }),
            ...(event.error !== undefined && { error: event.error }),
          },
        ],
      };
    case 'status':
      return {
        statuses: [
          {
            id: event.id,
            vertex: event.vertex,
            name: event.id,
            total: event.total ?? 0,
            current: event.current,
            timestamp: time(event.completed ?? event.started),
            started: time(event.started),
            completed: time(event.completed),
          },
        ],
      };
    case 'log':
      return {
        logs: [
          {
            vertex: event.vertex,
            stream: event.stream,
            data: Buffer.from(event.data).toString('base64'),
            timestamp: time(event.timestamp),
          },
        ],
      };
    case 'warning':
      return {
        warnings: [
          {
            vertex: event.vertex ?? '',
            level: 1,
            short: Buffer.from(event.short).toString('base64'),
            detail: (event.detail ?? []).map((line) => Buffer.from(line).toString('base64')),
            ...(event.url !== undefined && { url: event.url }),
            ...(event.source && {
              sourceInfo: {
                filename: event.source.file,
                data: Buffer.from(event.source.text).toString('base64'),
                language: 'Dockerfile',
              },
              range: event.source.ranges.map(({ start, end }) => ({
                start: { line: start },
                end: { line: end },
              })),
            }),
          },
        ],
      };
  }
}

/** The last step, as it is when everything is done already. */
function exportStatus({ imageId, names }: Outcome & { readonly imageId: string }): string {
  const timestamp = new Date().toISOString();
  const digest = `sha256:${createHash('sha256').update(`exporting ${imageId}`).digest('hex')}`;
  const times = { started: timestamp, completed: timestamp };
  const texts = [`writing image ${imageId}`, ...names.map((name) => `naming to ${name}`)];
  const statuses = texts.map((id) => ({ id, vertex: digest, current: 0, timestamp, ...times }));
  const vertexes = [{ digest, name: 'exporting to image', ...times }];
  return `${JSON.stringify({ vertexes })}\n${JSON.stringify({ statuses })}\n`;
}
