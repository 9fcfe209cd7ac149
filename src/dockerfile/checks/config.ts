import { type RuleName, rules } from './rules.ts';

/** Which build checks are wanted: the value of `# check=` or of the build argument BUILDKIT_DOCKERFILE_CHECK. */
export interface CheckConfig {
  readonly skip: 'all' | ReadonlySet<string>;
  readonly experimental: 'all' | ReadonlySet<string>;
  /** Findings fail the build. */
  readonly error: boolean;
}

export const defaultCheckConfig: CheckConfig = { skip: new Set(), experimental: new Set(), error: false };

const truths = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falsehoods = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** Reads `skip=RuleA,RuleB|all;error=true;experimental=RuleC|all`. Throws Error naming the option that is wrong. */
export function parseCheckConfig(text: string): CheckConfig {
  let config = defaultCheckConfig;
  for (const option of text.trim() === '' ? [] : text.trim().split(';')) {
    const equals = option.indexOf('=');
    const key = option.slice(0, equals < 0 ? undefined : equals).trim();
    const value = option.slice(equals + 1).trim();
    if (equals < 0) throw new Error(`invalid check option "${option}"`);
    if (key === 'skip' || key === 'experimental') config = { ...config, [key]: ruleSet(value) };
    else if (key === 'error') config = { ...config, error: boolean(value, option) };
    else throw new Error(`invalid check option "${key}"`);
  }
  return config;
}

/** `config` with what a comment directly above an instruction adds: `# check=skip=RuleA`. A wrong one adds nothing. */
export function withInlineConfig(config: CheckConfig, comments: readonly string[]): CheckConfig {
  for (const comment of comments) {
    const match = /^check\s*=\s*(\S+)/i.exec(comment);
    if (match === null) continue;
    try {
      const inline = parseCheckConfig(match[1]!);
      return {
        skip: union(config.skip, inline.skip),
        experimental: union(config.experimental, inline.experimental),
        error: config.error,
      };
    } catch {
      return config;
    }
  }
  return config;
}

export function isEnabled(config: CheckConfig, rule: RuleName): boolean {
  if (rules[rule].experimental) return config.experimental === 'all' || config.experimental.has(rule);
  return config.skip !== 'all' && !config.skip.has(rule);
}

function ruleSet(value: string): 'all' | ReadonlySet<string> {
  return value === 'all' ? 'all' : new Set(value.split(',').map((name) => name.trim()));
}

function boolean(value: string, option: string): boolean {
  if (truths.has(value)) return true;
  if (falsehoods.has(value)) return false;
  throw new Error(`failed to parse check option "${option}": write error=true or error=false`);
}

function union(one: CheckConfig['skip'], other: CheckConfig['skip']): CheckConfig['skip'] {
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other]);
}
