import type { Writable } from 'node:stream';
import type { ProgressEvent } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { plainView } from './plain.ts';
import { rawJsonView } from './rawjson.ts';
import { terminalView } from './terminal.ts';

/** Shows what a build is doing. */
export interface ProgressView {
  show(event: ProgressEvent): void;
  /** Once, when the build has ended: nothing half-drawn stays. With what came of it, when it went well. */
  finish(outcome?: Outcome): void;
}

/** What a build has made. */
export interface Outcome {
  /** Undefined when only files were put out. */
  readonly imageId?: string;
  /** In full, with registry and tag. */
  readonly names: readonly string[];
}

/** The image that was made, by its names or, without any, its id alone. */
export function outcomeText({ imageId, names }: Outcome): string {
  if (imageId === undefined) return 'done';
  return [...names, imageId].join(' ');
}

export interface ViewOptions {
  readonly colour: boolean;
  /** Show warnings with all that is known of them. */
  readonly expand: boolean;
}

export function progressView(
  kind: string,
  output: Writable & { readonly isTTY?: boolean },
  { expand }: { readonly expand: boolean },
): ProgressView {
  const options = { colour: output.isTTY === true, expand };
  switch (kind) {
    case 'quiet':
    case 'none':
      return { show() {}, finish() {} };
    case 'plain':
      return plainView(output, options);
    case 'rawjson':
      return rawJsonView(output);
    case 'tty':
      return terminalView(output, options);
    case 'auto':
      return output.isTTY === true ? terminalView(output, options) : plainView(output, options);
    default:
      throw new UsageError(`invalid progress kind "${kind}": use auto, plain, tty, quiet or rawjson`);
  }
}
