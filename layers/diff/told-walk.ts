import type { BytePath } from '../snapshots/file-tree.ts';
import { writeFile } from '../snapshots/new-file.ts';
import { unwritable } from '../snapshots/unwritable.ts';
import { type LayerStep, type LayerWalk, LEAVE, type UnwrittenFile } from './layer-walk.ts';
import type { StepBatch } from './step-batch.ts';

/** Leads where it is told, as far as it was told, and writes the files that are not there yet. */
export class ToldWalk implements LayerWalk {
  readonly #owner = { uid: process.geteuid!(), gid: process.getegid!() };
  /** The directories that were entered, and the way to the innermost one. */
  readonly #directories: number[] = [];
  readonly #names: BytePath[] = [];
  #batch: StepBatch | undefined;
  #steps: Iterator<LayerStep | UnwrittenFile, undefined> | undefined;

  enter(fd: number): void {
    this.#directories.push(fd);
  }

  /** More steps, when those before have been taken. */
  tell(batch: StepBatch): void {
    this.#batch = batch;
    this.#steps = batch.steps();
  }

  next(): LayerStep | undefined {
    const step = this.#steps?.next().value;
    if (step === LEAVE) {
      this.#directories.pop();
      this.#names.pop();
    } else if (typeof step === 'object') {
      if ('enter' in step) this.#names.push(step.enter);
      else if ('made' in step) return this.#write(step);
    }
    return step;
  }

  #write({ file, stat, content, made }: UnwrittenFile): LayerStep {
    this.#batch!.assertWanted();
    try {
      const now = { ...this.#owner, mode: made };
      const written = writeFile(this.#directories.at(-1)!, file, content, stat, now);
      // Where the filesystem made something else of it, the tar has to be made of the file.
      return written === undefined ? file : { file, stat, content };
    } catch (error) {
      throw unwritable(['', ...this.#names, file].join('/'), error);
    }
  }
}
