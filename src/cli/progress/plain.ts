import {
  describeWarnings,
  type LogEvent,
  type ProgressEvent,
  type StatusEvent,
  type VertexEvent,
  type WarningEvent,
} from '../../index.ts';
import { visibleLines } from '../../text/visible.ts';
import { cachedText, statusText } from './status-text.ts';
import { isCanceled, LogLines, type Step, Steps, seconds } from './steps.ts';
import type { Outcome, ProgressView, TextOutput, ViewOptions } from './view.ts';

/** How often a transfer that goes on is mentioned. */
const TRANSFER_MS = 5000;

/**
 * Lines for logs and pipes, as buildx' plain mode: `#4 [build 2/5] RUN make`, output with its time since the step's
 * start, then `#4 DONE 1.2s`.
 */
export function plainView(output: TextOutput, options: ViewOptions): ProgressView {
  const steps = new Steps();
  const lines = new LogLines();
  const warnings: WarningEvent[] = [];
  const print = (step: Step, text: string) => output.write(`#${step.number} ${text}\n`);

  const vertex = (event: VertexEvent) => {
    if (event.started === undefined) return;
    const { step, isNew } = steps.update(event);
    if (isNew) print(step, visibleLines(event.name));
    if (event.completed === undefined) return;
    for (const line of lines.flush(event.digest)) print(step, line);
    if (isCanceled(event)) print(step, 'CANCELED');
    else if (event.error !== undefined) print(step, visibleLines(`ERROR: ${event.error}`));
    else
      print(
        step,
        event.cached ? cachedText(event.cachedFrom) : `DONE ${seconds(event.started, event.completed)}`,
      );
    output.write('\n');
  };

  const log = (event: LogEvent) => {
    const step = steps.get(event.vertex);
    if (step === undefined) return;
    const started = step.vertex.started ?? event.timestamp;
    const prefix = `#${step.number} ${((event.timestamp - started) / 1000).toFixed(3)} `;
    const text = lines.add(event).map((line) => `${prefix}${line}\n`);
    if (text.length > 0) output.write(text.join(''));
  };

  const transferred = new Map<string, number>();
  const status = (event: StatusEvent) => {
    const now = Date.now();
    const last = transferred.get(event.id) ?? event.started;
    if (event.completed === undefined && now - last < TRANSFER_MS) return;
    transferred.set(event.id, now);
    const step = steps.get(event.vertex);
    output.write(`${step === undefined ? '' : `#${step.number} `}${statusText(event, now)}\n`);
  };

  return {
    show(event: ProgressEvent) {
      switch (event.kind) {
        case 'vertex':
          return vertex(event);
        case 'log':
          return log(event);
        case 'status':
          return status(event);
        case 'warning':
          warnings.push(event);
      }
    },
    finish(outcome) {
      if (outcome?.imageId !== undefined) output.write(exportText(steps.size + 1, outcome));
      output.write(describeWarnings(warnings, options));
    },
  };
}

/** The last step, in the words by which scripts find the image. */
function exportText(number: number, { imageId, names }: Outcome): string {
  const lines = [
    'exporting to image',
    `writing image ${imageId} done`,
    ...names.map((name) => `naming to ${name} done`),
    'DONE 0.0s',
  ];
  return `${lines.map((line) => `#${number} ${line}\n`).join('')}\n`;
}
