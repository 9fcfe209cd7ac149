import type { FileTree } from '../../../layers/index.ts';
import { findUser, groupId, parseId, splitSpec, UserError } from '../../runtime/passwd.ts';

/** A resolved owner. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

export const ROOT: Ids = { uid: 0, gid: 0 };

/**
 * `--chown`: `user[:group]`, names from the tree's passwd and group. As Docker does: a bare number is user and group
 * alike, a bare name brings its primary group, a missing side is 0. Unlike Docker an unknown name is an error, not
 * root. Throws `UserError`.
 */
export function resolveOwner(tree: FileTree, owner: string): Ids {
  const { user, group } = splitSpec(owner);
  const number = parseId(user);
  const entry = user === '' || number !== undefined ? undefined : findUser(tree, user);
  const uid = number ?? entry?.uid ?? 0;
  if (group === undefined) return { uid, gid: number ?? entry?.gid ?? 0 };
  return { uid, gid: group === '' ? 0 : groupId(tree, group) };
}

/**
 * The owner of a WORKDIR: USER, as {@link resolveOwner} has it. Nothing was asked for here, and USER may well name
 * somebody who is made later: as in Docker an unknown user is root, and an unknown group leaves the user's own.
 */
export function workdirOwner(tree: FileTree, user: string): Ids {
  const { user: name, group } = splitSpec(user);
  const ids = ifKnown(() => resolveOwner(tree, name)) ?? ROOT;
  if (group === undefined) return ids;
  const gid = ifKnown(() => resolveOwner(tree, `:${group}`).gid);
  return { uid: ids.uid, gid: gid ?? ids.gid };
}

/** Undefined for a name that the image does not have. */
function ifKnown<T>(resolve: () => T): T | undefined {
  try {
    return resolve();
  } catch (error) {
    if (error instanceof UserError && (error.code === 'UNKNOWN_USER' || error.code === 'UNKNOWN_GROUP'))
      return undefined;
    throw error;
  }
}
