import type { Heredoc } from '../instructions.ts';
import { type Advice, type Origin, parseError } from '../parse-error.ts';
import type { ScannedInstruction } from '../scan.ts';
import type { DockerfileError, DockerfileErrorCode, SourceRange } from '../source.ts';
import type { EscapeChar } from '../words.ts';

/** What every instruction keeps of the text it comes from. */
export interface StatementBase {
  readonly range: SourceRange;
  readonly written: string;
  readonly original: string;
  readonly comments: readonly string[];
  readonly heredocs: readonly Heredoc[];
}

/** A scanned instruction as its reader gets it: its parts, and the way to complain about them. */
export class Statement {
  /** Upper case. */
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly rest: string;
  readonly base: StatementBase;

  constructor(
    scanned: ScannedInstruction,
    readonly escapeChar: EscapeChar,
    readonly origin: Origin,
  ) {
    const { keyword, flags, rest, original, comments } = scanned;
    const range = origin.range ?? scanned.range;
    const heredocs = scanned.heredocs.map((heredoc) => ({
      ...heredoc,
      range: origin.range ?? heredoc.range,
    }));
    this.keyword = keyword.toUpperCase();
    this.flags = flags;
    this.rest = rest;
    this.base = { range, written: keyword, original, comments, heredocs };
  }

  error(code: DockerfileErrorCode, message: string, advice?: Advice): DockerfileError {
    return parseError(this.origin, this.base.range, code, message, advice);
  }

  /** The rest of the line, when the instruction cannot do without. `example` shows a correct one. */
  requireArgument(example: string, quantity: 'exactly' | 'at least' = 'at least'): string {
    if (this.rest !== '') return this.rest;
    throw this.error('BAD_ARGUMENT', `${this.keyword} requires ${quantity} one argument`, {
      hint: `For example: ${example}`,
    });
  }
}
