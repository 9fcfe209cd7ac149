import type { FileTree } from '../../../layers/index.ts';
import { findUser, groupId, parseId, splitSpec } from '../../runtime/passwd.ts';

/** A resolved owner. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

export const ROOT: Ids = { uid: 0, gid: 0 };

/**
 * `--chown` and the owner of a WORKDIR: `user[:group]`, names from the tree's passwd and group. As Docker does:
 * a bare number is user and group alike, a bare name brings its primary group, a missing side is 0. Unlike Docker an
 * unknown name is an error, not root. Throws `UserError`.
 */
export function resolveOwner(tree: FileTree, owner: string): Ids {
  const { user, group } = splitSpec(owner);
  const number = parseId(user);
  const entry = user === '' || number !== undefined ? undefined : findUser(tree, user);
  const uid = number ?? entry?.uid ?? 0;
  if (group === undefined) return { uid, gid: number ?? entry?.gid ?? 0 };
  return { uid, gid: group === '' ? 0 : groupId(tree, group) };
}
