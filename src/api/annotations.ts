import { formatPlatform, type Platform, parsePlatform } from '../../layers/index.ts';
import { ApiError } from './errors.ts';

/** Documents that can have annotations, and pointers to them. */
const LEVELS = ['manifest', 'manifest-descriptor', 'index', 'index-descriptor'] as const;
export type AnnotationLevel = (typeof LEVELS)[number];

export interface AnnotationRequest {
  readonly level: AnnotationLevel;
  /** Undefined: of every platform. */
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

const LEVEL = /^([a-z-]+)(?:\[([^\]]+)\])?$/;

/** `[LEVEL[PLATFORM],…:]KEY=VALUE` of `--annotation`. Throws `BAD_REQUEST`. */
export function parseAnnotation(text: string): readonly AnnotationRequest[] {
  const equals = text.indexOf('=');
  if (equals < 1) throw wrong(text, 'expected key=value');
  const value = text.slice(equals + 1);
  const [levels, key] = splitLevels(text.slice(0, equals));
  if (key === '') throw wrong(text, 'expected key=value');
  return levels.map((level) => ({ ...parseLevel(level, text), key, value }));
}

/** `annotation[-LEVEL][[PLATFORM]].KEY` of an output; undefined for another attribute. Throws `BAD_REQUEST`. */
export function outputAnnotation(attribute: string, value: string): AnnotationRequest | undefined {
  const match = /^annotation(?:-([a-z-]+))?(?:\[([^\]]+)\])?\.(.+)$/s.exec(attribute);
  if (match === null) return undefined;
  const [, level = 'manifest', platform, key] = match;
  const written = platform === undefined ? level : `${level}[${platform}]`;
  return { ...parseLevel(written, attribute), key: key!, value };
}

/** What of the annotations belongs to a level, of one platform where the level has platforms. */
export function annotationsFor(
  requests: readonly AnnotationRequest[],
  level: AnnotationLevel,
  platform?: Platform,
): Readonly<Record<string, string>> {
  const wanted = platform && formatPlatform(platform);
  const fitting = requests.filter(
    (request) =>
      request.level === level &&
      (request.platform === undefined || formatPlatform(request.platform) === wanted),
  );
  return Object.fromEntries(fitting.map(({ key, value }) => [key, value]));
}

/** Keys may have colons too: only what reads as levels stands before one. */
function splitLevels(text: string): readonly [levels: readonly string[], key: string] {
  const colon = text.indexOf(':');
  const levels = colon < 0 ? [] : text.slice(0, colon).split(',');
  return levels.length > 0 && levels.every((level) => LEVEL.test(level))
    ? [levels, text.slice(colon + 1)]
    : [['manifest'], text];
}

function parseLevel(text: string, whole: string): Pick<AnnotationRequest, 'level' | 'platform'> {
  const [, name, platform] = LEVEL.exec(text) ?? [];
  const level = LEVELS.find((known) => known === name);
  if (level === undefined)
    throw wrong(whole, `unknown type ${JSON.stringify(name ?? text)}, use ${LEVELS.join(', ')}`);
  if (platform === undefined) return { level };
  if (level.startsWith('index')) throw wrong(whole, `an ${level} annotation has no platform`);
  return { level, platform: parsePlatform(platform) };
}

function wrong(text: string, why: string): ApiError {
  return new ApiError('BAD_REQUEST', text, `invalid annotation ${JSON.stringify(text)}: ${why}`);
}
