import type { ProgressEvent } from '../../index.ts';
import type { OwnOutput } from '../output.ts';
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

/** Where a view writes to. */
export interface TextOutput {
  write(text: string): void;
}

export interface ViewOptions {
  readonly colour: boolean;
  /** Show warnings with all that is known of them. */
  readonly expand: boolean;
}

export function progressView(
  kind: string,
  output: OwnOutput,
  { expand }: { readonly expand: boolean },
): ProgressView {
  const options = { colour: output.isTerminal, expand };
  switch (kind) {
    case 'quiet':
    case 'none':
      return { show() {}, finish() {} };
    case 'plain':
      return plainView(output, options);
    case 'rawjson':
      return rawJsonView(output);
    case 'tty':
      return terminalView(output.open(), options);
    case 'auto':
      return output.isTerminal ? terminalView(output.open(), options) : plainView(output, options);
    default:
      throw new UsageError(`invalid progress kind "${kind}": use auto, plain, tty, quiet or rawjson`);
  }
}
