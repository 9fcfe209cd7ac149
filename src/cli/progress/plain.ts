import type { Writable } from 'node:stream';
import { describeWarnings, type ProgressEvent, type VertexEvent, type WarningEvent } from '../../index.ts';
import { isCanceled, LogLines, type Step, Steps, seconds } from './steps.ts';
import type { ProgressView, ViewOptions } from './view.ts';

/**
 * Lines for logs and pipes, as buildx' plain mode: `#4 [build 2/5] RUN make`, output with its time since the step's
 * start, then `#4 DONE 1.2s`.
 */
export function plainView(output: Writable, options: ViewOptions): ProgressView {
  const steps = new Steps();
  const lines = new LogLines();
  const warnings: WarningEvent[] = [];
  const print = (step: Step, text: string) => output.write(`#${step.number} ${text}\n`);

  const vertex = (event: VertexEvent) => {
    if (event.started === undefined) return;
    const { step, isNew } = steps.update(event);
    if (isNew) print(step, event.name);
    if (event.completed === undefined) return;
    for (const line of lines.flush(event.digest)) print(step, line);
    if (isCanceled(event)) print(step, 'CANCELED');
    else if (event.error !== undefined) print(step, `ERROR: ${event.error}`);
    else print(step, event.cached ? 'CACHED' : `DONE ${seconds(event.started, event.completed)}`);
    output.write('\n');
  };

  return {
    show(event: ProgressEvent) {
      switch (event.kind) {
        case 'vertex':
          vertex(event);
          break;
        case 'log': {
          const step = steps.get(event.vertex);
          if (step === undefined) break;
          const started = step.vertex.started ?? event.timestamp;
          const prefix = `#${step.number} ${((event.timestamp - started) / 1000).toFixed(3)} `;
          const text = lines.add(event).map((line) => `${prefix}${line}\n`);
          if (text.length > 0) output.write(text.join(''));
          break;
        }
        case 'warning':
          warnings.push(event);
          break;
        case 'status':
          break;
      }
    },
    finish() {
      output.write(describeWarnings(warnings, options));
    },
  };
}
