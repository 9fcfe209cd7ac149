import {
  DockerfileError,
  type DockerfileErrorCode,
  type DockerfileSource,
  type SourceRange,
} from './source.ts';

/** Where the text being parsed comes from. */
export interface Origin {
  readonly source: DockerfileSource;
  /** Set for a trigger: it stands (or fires) here, wherever its own lines are. */
  readonly range?: SourceRange;
  /** What errors begin with instead of the line. */
  readonly prefix?: string;
}

/** What else to say about a mistake. */
export interface Advice {
  /** One line: what to write instead. */
  readonly hint?: string;
  /** The wrong words, as they stand in the file. */
  readonly subject?: string;
  /** Other lines that have to do with it. */
  readonly also?: SourceRange;
}

/** A mistake at `range`, in the form users know: `dockerfile parse error on line N: …`. */
export function parseError(
  origin: Origin,
  range: SourceRange,
  code: DockerfileErrorCode,
  message: string,
  { hint, subject, also }: Advice = {},
): DockerfileError {
  const place = origin.range ?? range;
  const prefix = origin.prefix ?? `dockerfile parse error on line ${place.start}`;
  return new DockerfileError(
    code,
    `${prefix}: ${message}`,
    origin.source,
    also === undefined || origin.range !== undefined ? [place] : [place, also],
    hint,
    { subject },
  );
}
