import { readFileSync } from 'node:fs';

/** Names of this system's users by number, as passwd(5) has them. */
export function userNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of lines('/etc/passwd')) {
    const [name = '', , uid] = line.split(':');
    if (uid !== undefined && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

function lines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
