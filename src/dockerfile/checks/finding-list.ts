import { DockerfileError, type DockerfileSource, type SourceRange } from '../source.ts';
import { type CheckConfig, isEnabled, withInlineConfig } from './config.ts';
import { type Finding, finding } from './finding.ts';
import type { RuleName } from './rules.ts';

/** An instruction, as far as findings about it need. */
interface Commented {
  readonly range: SourceRange;
  readonly comments: readonly string[];
}

/** Gathers findings in the order they are made and leaves out those that the Dockerfile does not want. */
export class FindingList {
  readonly found: Finding[] = [];

  constructor(readonly config: CheckConfig) {}

  /** `comments`: the lines directly above the instruction, which may skip the rule for it alone. */
  add(
    rule: RuleName,
    message: string,
    ranges: readonly SourceRange[],
    comments: readonly string[] = [],
    subject?: string,
  ): void {
    if (isEnabled(withInlineConfig(this.config, comments), rule))
      this.found.push(finding(rule, message, ranges, subject));
  }

  /** A finding about a whole instruction. */
  addAt({ range, comments }: Commented, rule: RuleName, message: string, subject?: string): void {
    this.add(rule, message, [range], comments, subject);
  }
}

/** The error that findings become under `# check=error=true`; undefined when it is not asked for or nothing was found. */
export function lintError(
  findings: readonly Finding[],
  config: CheckConfig,
  source: DockerfileSource,
): DockerfileError | undefined {
  if (!config.error || findings.length === 0) return undefined;
  const names = [...new Set(findings.map(({ rule }) => rule))].join(', ');
  return new DockerfileError(
    'LINT',
    `lint violation found for rules: ${names}`,
    source,
    findings.flatMap(({ ranges }) => ranges),
    'Correct them, or name the ones to accept: # check=skip=RULE;error=true',
  );
}
