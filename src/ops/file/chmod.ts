import type { ModeChange } from '../../llb/op.ts';
import { OperationError } from '../operation-error.ts';

/** The new mode of an entry, given the one it has in the source. Modes are 0 to 0o7777. */
export type ModeRule = (mode: number, isDirectory: boolean) => number;

/** Compiles `--chmod`. Throws `INVALID_ARGUMENT` for what chmod(1) would not take. */
export function modeRule(change: ModeChange): ModeRule {
  if ('octal' in change) {
    const { octal } = change;
    if (!Number.isInteger(octal) || octal < 0 || octal > 0o7777) throw invalid(octal.toString(8));
    return () => octal;
  }
  const clauses = change.symbolic.split(',').map((clause) => parseClause(clause, change.symbolic));
  return (mode, isDirectory) =>
    clauses.reduce((current, clause) => applyClause(clause, current, isDirectory), mode);
}

/**
 * The mode for directories that have to be made for a destination. With an octal `--chmod` it is that one, as in Docker,
 * though `--chmod=600` makes a directory that only root can enter.
 */
export function parentMode(change: ModeChange | undefined): number {
  return change !== undefined && 'octal' in change ? change.octal : 0o755;
}

interface Clause {
  /** Which of user, group and other, as a mask over all nine permission bits. */
  readonly who: number;
  readonly actions: readonly Action[];
}

interface Action {
  readonly operator: '+' | '-' | '=';
  readonly permissions: string;
}

const WHO: Readonly<Record<string, number>> = { u: 0o700, g: 0o070, o: 0o007, a: 0o777 };

function parseClause(clause: string, whole: string): Clause {
  const match = /^([ugoa]*)((?:[+=-](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (match === null) throw invalid(whole);
  const [, letters = '', rest = ''] = match;
  return {
    // No letter is everybody; there is no umask to heed.
    who: letters === '' ? 0o777 : [...letters].reduce((mask, letter) => mask | WHO[letter]!, 0),
    actions: [...rest.matchAll(/([+=-])([^+=-]*)/g)].map(([, operator, permissions]) => ({
      operator: operator as Action['operator'],
      permissions: permissions!,
    })),
  };
}

function applyClause({ who, actions }: Clause, start: number, isDirectory: boolean): number {
  let mode = start;
  for (const { operator, permissions } of actions) {
    const bits = bitsOf(permissions, who, mode, isDirectory);
    if (operator === '+') mode |= bits;
    else if (operator === '-') mode &= ~bits;
    else mode = (mode & ~clearedBy(who, permissions)) | bits;
  }
  return mode;
}

function bitsOf(permissions: string, who: number, mode: number, isDirectory: boolean): number {
  let bits = 0;
  for (const letter of permissions) {
    switch (letter) {
      case 'r':
        bits |= who & 0o444;
        break;
      case 'w':
        bits |= who & 0o222;
        break;
      case 'x':
        bits |= who & 0o111;
        break;
      case 'X':
        if (isDirectory || (mode & 0o111) !== 0) bits |= who & 0o111;
        break;
      case 's':
        bits |= setIdBits(who);
        break;
      case 't':
        // As in BSD's chmod, on which Docker's is modelled: not for "other" alone.
        if ((who & 0o770) !== 0) bits |= 0o1000;
        break;
      default: {
        const from = { u: 6, g: 3, o: 0 }[letter as 'u' | 'g' | 'o'];
        bits |= who & (((mode >> from) & 7) * 0o111);
      }
    }
  }
  return bits;
}

/** What `=` clears: the permissions and set-id bits of those named; only the permissions when it copies from others. */
function clearedBy(who: number, permissions: string): number {
  return /[ugo]/.test(permissions) ? who : who | setIdBits(who);
}

function setIdBits(who: number): number {
  return ((who & 0o700) !== 0 ? 0o4000 : 0) | ((who & 0o070) !== 0 ? 0o2000 : 0);
}

function invalid(value: string): OperationError {
  return new OperationError(
    'INVALID_ARGUMENT',
    value,
    `invalid chmod parameter: '${value}'. it should be octal string and between 0 and 07777, or symbolic as "u=rwX,go=rX"`,
  );
}
