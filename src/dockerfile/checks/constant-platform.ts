import { parsePlatform } from '../../../layers/index.ts';
import type { FromInstruction } from '../instructions.ts';
import type { FindingList } from './finding-list.ts';

/** FromPlatformFlagConstDisallowed: a platform without variables, unless the stage is named after it. */
export function checkConstantPlatform(from: FromInstruction, list: FindingList): void {
  const { platform, name = '' } = from;
  if (platform === undefined || platform.includes('$') || isNamedAfter(name, platform)) return;
  list.addAt(
    from,
    'FromPlatformFlagConstDisallowed',
    `FROM --platform flag should not use constant value "${platform}"`,
  );
}

/** True too for a platform that cannot be read: that is an error of its own, later. */
function isNamedAfter(name: string, text: string): boolean {
  try {
    const { os, architecture } = parsePlatform(text);
    return name.includes(os) || name.includes(architecture);
  } catch {
    return true;
  }
}
