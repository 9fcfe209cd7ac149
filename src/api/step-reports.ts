import type { Definition } from '../llb/definition.ts';
import type { Report } from '../progress/events.ts';

/**
 * What is told of the steps of a build for several platforms, which are solved one after the other: a step that they
 * share is one step, done once. Nothing is told of empty filesystems, which are no steps to BuildKit.
 */
export class StepReports {
  readonly #finished = new Set<string>();
  #finishing: string[] = [];

  /** Passes on what is told of the next graph; of steps that the graphs before had done, nothing more. */
  next({ vertices }: Definition, report: Report): Report {
    for (const digest of this.#finishing.splice(0)) this.#finished.add(digest);
    const empty = new Set<string>();
    for (const { digest, op } of vertices.values()) if (op.type === 'scratch') empty.add(digest);
    return (event) => {
      if (event.kind !== 'vertex') return report(event);
      if (empty.has(event.digest) || this.#finished.has(event.digest)) return;
      if (event.completed !== undefined && event.error === undefined) this.#finishing.push(event.digest);
      report({ ...event, inputs: event.inputs.filter((input) => !empty.has(input)) });
    };
  }
}
