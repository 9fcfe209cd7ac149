import { formatPlatform, type Platform } from '../../layers/index.ts';

/** ARGs that a Dockerfile has without declaring them: in FROM lines at once, in a stage after `ARG NAME`. */
export function predefinedArgs(options: {
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
  /** The target as asked for, else the last stage's name; empty when that has none. */
  readonly targetStage: string;
  readonly buildArgs: Readonly<Record<string, string>>;
}): ReadonlyMap<string, string> {
  const { buildPlatform: build, targetPlatform: target } = options;
  const values: readonly (readonly [string, string])[] = [
    ['BUILDPLATFORM', formatPlatform(withoutVersion(build))],
    ['BUILDOS', build.os],
    ['BUILDOSVERSION', build['os.version'] ?? ''],
    ['BUILDARCH', build.architecture],
    ['BUILDVARIANT', build.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(target)],
    ['TARGETOS', target.os],
    ['TARGETOSVERSION', target['os.version'] ?? ''],
    ['TARGETARCH', target.architecture],
    ['TARGETVARIANT', target.variant ?? ''],
    ['TARGETSTAGE', options.targetStage === '' ? 'default' : options.targetStage],
  ];
  return new Map(values.map(([name, value]) => [name, options.buildArgs[name] ?? value]));
}

/** ARGs that steer the builder and never reach the environment of a RUN. */
export const argsOutsideEnvironment: ReadonlySet<string> = new Set([
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
]);

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/** `NAME=value` of the proxy settings among the build arguments, each in both cases, for every RUN. */
export function proxyEnvironment(buildArgs: Readonly<Record<string, string>>): string[] {
  return PROXIES.flatMap((name) => {
    const value = buildArgs[name] ?? buildArgs[name.toLowerCase()];
    return value === undefined ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  });
}

function withoutVersion({ 'os.version': _, ...platform }: Platform): Platform {
  return platform;
}
