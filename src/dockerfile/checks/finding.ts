import type { WarningEvent } from '../../progress/events.ts';
import type { DockerfileSource, SourceRange } from '../source.ts';
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
  /** The words it is about, where they can be told: `$VERSION`. */
  readonly subject?: string;
}

/** A finding of `rule`. Whether it is wanted is for `CheckConfig` to say: see `FindingList`. */
export function finding(
  rule: RuleName,
  message: string,
  ranges: readonly SourceRange[],
  subject?: string,
): Finding {
  const { description, url } = rules[rule];
  return {
    rule,
    message,
    description,
    ...(url !== undefined && { url }),
    ranges,
    ...(subject !== undefined && { subject }),
  };
}

/** In the order of the file; those of one line as they were found. */
export function byLine(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((one, other) => (one.ranges[0]?.start ?? 0) - (other.ranges[0]?.start ?? 0));
}

/** A finding as an event of the build. */
export function warningOf(finding: Finding, { file, text }: DockerfileSource): WarningEvent {
  return {
    kind: 'warning',
    short: shortText(finding),
    detail: [finding.description],
    ...(finding.url !== undefined && { url: finding.url }),
    source: { file, text, ranges: finding.ranges },
  };
}

/** The one-line form users know: `Rule: message (line N)`. */
export function shortText({ rule, message, ranges }: Finding): string {
  const line = ranges[0]?.start ?? 0;
  return line > 0 ? `${rule}: ${message} (line ${line})` : `${rule}: ${message}`;
}
