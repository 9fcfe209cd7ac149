const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const DOMAIN =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?';
const TAIL = '(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,}))?';

/**
 * The name as Docker completes it, `busybox` → `docker.io/library/busybox`, with the tag and digest as given.
 * Throws Error when it is no image name.
 */
export function normalImageName(name: string): string {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasDomain =
    first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = hasDomain ? first.replace(/^index\.docker\.io$/, 'docker.io') : 'docker.io';
  let remainder = hasDomain ? name.slice(slash + 1) : name;
  if (domain === 'docker.io' && !remainder.includes('/')) remainder = `library/${remainder}`;
  const path = remainder.replace(/@.*$/s, '').replace(/:[^/:]*$/s, '');
  if (path !== path.toLowerCase()) {
    throw new Error(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  if (/^[a-f0-9]{64}$/.test(name)) {
    throw new Error(`invalid repository name (${name}), cannot specify 64-byte hexadecimal strings`);
  }
  const full = `${domain}/${remainder}`;
  if (!new RegExp(`^${DOMAIN}/${COMPONENT}(?:/${COMPONENT})*${TAIL}$`).test(full)) {
    throw new Error('invalid reference format');
  }
  return full;
}

/** Under which a name and `--build-context` meet: the short form, without `:latest`. */
export function contextKey(name: string): string {
  try {
    return normalImageName(name)
      .replace(/^docker\.io\/library\//, '')
      .replace(/^docker\.io\//, '')
      .replace(/:latest$/, '');
  } catch {
    return name;
  }
}
