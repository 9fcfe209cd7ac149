import { formatPlatform, type Platform, parsePlatform } from '../../../layers/index.ts';
import type { Environment } from '../expand.ts';

/** `linux/amd64`, or `linux/amd64->arm64` in a stage that makes something for another platform, as its ARGs tell. */
export function platformLabel(platform: Platform, environment: Environment): string {
  const own = formatPlatform(platform);
  const target = targetIn(environment, platform);
  if (target === undefined) return own;
  const text = formatPlatform(target);
  if (text === own) return own;
  return `${own}->${target.os === platform.os ? text.slice(target.os.length + 1) : text}`;
}

/** What the predefined ARGs say, as far as the stage has declared them. */
function targetIn(environment: Environment, { os }: Platform): Platform | undefined {
  const whole = environment.get('TARGETPLATFORM');
  const architecture = environment.get('TARGETARCH');
  const variant = environment.get('TARGETVARIANT');
  const parts = [environment.get('TARGETOS') ?? os, architecture, variant || undefined];
  const text = whole ?? (architecture === undefined ? undefined : parts.filter(Boolean).join('/'));
  if (text === undefined || text === '') return undefined;
  try {
    return parsePlatform(text);
  } catch {
    return undefined; // A build argument of that name can say anything.
  }
}
