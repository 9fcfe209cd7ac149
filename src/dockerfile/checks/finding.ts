import type { SourceRange } from '../source.ts';
import { type RuleName, rules } from './rules.ts';

/** What a build check found: data for a warning, or for the error that `# check=error=true` asks for. */
export interface Finding {
  readonly rule: RuleName;
  /** What is wrong, about this place: `Stage name 'Base' should be lowercase`. */
  readonly message: string;
  /** What the rule is about, whatever the place: the second line of a warning. */
  readonly description: string;
  /** Page of the rule; the one rule without a page has none. */
  readonly url?: string;
  readonly ranges: readonly SourceRange[];
}

/** A finding of `rule`. Whether it is wanted is for `CheckConfig` to say: see `FindingList`. */
export function finding(rule: RuleName, message: string, ranges: readonly SourceRange[]): Finding {
  const { description, url } = rules[rule];
  return { rule, message, description, ...(url !== undefined && { url }), ranges };
}

/** In the order of the file; those of one line as they were found. */
export function byLine(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((one, other) => (one.ranges[0]?.start ?? 0) - (other.ranges[0]?.start ?? 0));
}

/** The one-line form users know: `Rule: message (line N)`. */
export function shortText({ rule, message, ranges }: Finding): string {
  const line = ranges[0]?.start ?? 0;
  return line > 0 ? `${rule}: ${message} (line ${line})` : `${rule}: ${message}`;
}
