import type { Writable } from 'node:stream';
import type { ProgressEvent } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { plainView } from './plain.ts';
import { rawJsonView } from './rawjson.ts';
import { terminalView } from './terminal.ts';

/** Shows what a build is doing. */
export interface ProgressView {
  show(event: ProgressEvent): void;
  /** Once, when the build has ended either way: nothing half-drawn stays. */
  finish(): void;
}

export function progressView(kind: string, output: Writable & { readonly isTTY?: boolean }): ProgressView {
  switch (kind) {
    case 'quiet':
      return { show() {}, finish() {} };
    case 'plain':
      return plainView(output);
    case 'rawjson':
      return rawJsonView(output);
    case 'tty':
      return terminalView(output);
    case 'auto':
      return output.isTTY === true ? terminalView(output) : plainView(output);
    default:
      throw new UsageError(`invalid progress kind "${kind}": use auto, plain, tty, quiet or rawjson`);
  }
}
