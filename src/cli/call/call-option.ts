import { UsageError } from '../usage-error.ts';
import { parseBoolean } from '../values.ts';

const METHODS = ['check', 'outline', 'targets'] as const;

/** What is to be told about the Dockerfile in place of building it. */
export interface Call {
  readonly method: (typeof METHODS)[number];
  readonly format: 'text' | 'json';
  /** What a check finds does not become the exit status. */
  readonly ignoreStatus: boolean;
}

/** `METHOD[,format=json][,ignorestatus=true]`; undefined for `build`. As in buildx, `lint` is another name of `check`. */
export function parseCall(text: string): Call | undefined {
  let name = 'build';
  let format: Call['format'] = 'text';
  let ignoreStatus = false;
  for (const field of text.split(',')) {
    const [key, value] = field.split('=', 2);
    if (value === undefined) name = field === 'lint' ? 'check' : field;
    else if (key === 'format' && (value === 'json' || value === 'text')) format = value;
    else if (key === 'ignorestatus') ignoreStatus = parseBoolean(value, '--call ignorestatus');
    else
      throw new UsageError(`invalid field "${field}" in --call ${text}: use format=json, ignorestatus=true`);
  }
  if (name === 'build') return undefined;
  const method = METHODS.find((known) => known === name);
  if (method !== undefined) return { method, format, ignoreStatus };
  throw new UsageError(`unknown method "${name}" in --call ${text}: use build, ${METHODS.join(', ')}`);
}
