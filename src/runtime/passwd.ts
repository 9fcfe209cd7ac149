import { closeSync, readSync } from 'node:fs';
import type { FileTree } from '../../layers/index.ts';

/** /etc/passwd and /etc/group of an image are hostile input: no larger file is read. */
const LIMIT = 1024 * 1024;

/** 2³²−1 means "leave as it is" to chown(2) and "no such id" elsewhere. */
const LAST_ID = 4_294_967_294;

export type UserErrorCode = 'UNKNOWN_USER' | 'UNKNOWN_GROUP' | 'INVALID_ID' | 'INVALID_FILE';

/** A user or group that the image does not have, or that is no name or number at all. */
export class UserError extends Error {
  override readonly name = 'UserError';

  constructor(
    readonly code: UserErrorCode,
    readonly subject: string,
    message: string,
  ) {
    super(message);
  }
}

/** passwd(5), the fields that matter here. */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Who a process runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first; those of /etc/group only when no group was named. */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/**
 * The user of `USER` and `tsrun -u`: `name|uid[:group|gid]`, empty for root. A number is never looked up as a name,
 * and needs no entry: its group is then 0 and its home `/`. `groupAdd` are further groups. Throws {@link UserError}.
 */
export function resolveUser(tree: FileTree, spec: string, groupAdd: readonly string[] = []): ResolvedUser {
  const { user, group } = splitSpec(spec);
  const passwd = readPasswd(tree);
  const entry = user === '' ? passwd.find(({ uid }) => uid === 0) : entryOf(passwd, user);
  const uid = entry?.uid ?? parseId(user) ?? 0;
  const home = entry?.home || '/';
  const added = groupAdd.map((name) => groupId(tree, name));
  if (group !== undefined && group !== '') {
    const gid = groupId(tree, group);
    return { uid, gid, additionalGids: unique([gid, ...added]), home };
  }
  const gid = entry?.gid ?? 0;
  const memberships = entry === undefined ? [] : groupsOf(tree, entry.name);
  return { uid, gid, additionalGids: unique([gid, ...memberships, ...added]), home };
}

function groupsOf(tree: FileTree, member: string): readonly number[] {
  return readGroup(tree)
    .filter(({ members }) => members.includes(member))
    .map(({ gid }) => gid);
}

function unique(ids: readonly number[]): readonly number[] {
  return [...new Set(ids)];
}

/** `user[:group]` in two; `group` is undefined without a colon. */
export function splitSpec(spec: string): { readonly user: string; readonly group: string | undefined } {
  const colon = spec.indexOf(':');
  return colon === -1
    ? { user: spec, group: undefined }
    : { user: spec.slice(0, colon), group: spec.slice(colon + 1) };
}

/** uid and gid of a user's entry. Throws when a name is unknown; undefined for a number without entry. */
export function findUser(tree: FileTree, user: string): PasswdEntry | undefined {
  return entryOf(readPasswd(tree), user);
}

function entryOf(passwd: readonly PasswdEntry[], user: string): PasswdEntry | undefined {
  const id = parseId(user);
  if (id !== undefined) return passwd.find(({ uid }) => uid === id);
  const entry = passwd.find(({ name }) => name === user);
  if (entry === undefined) {
    throw new UserError(
      'UNKNOWN_USER',
      user,
      `unable to find user ${user}: no matching entries in passwd file`,
    );
  }
  return entry;
}

/** gid of a group's name or number. Throws when a name is unknown. */
export function groupId(tree: FileTree, group: string): number {
  const id = parseId(group) ?? readGroup(tree).find(({ name }) => name === group)?.gid;
  if (id === undefined) {
    throw new UserError(
      'UNKNOWN_GROUP',
      group,
      `unable to find group ${group}: no matching entries in group file`,
    );
  }
  return id;
}

/**
 * The number that the text is, undefined for a name. Only decimal digits are a number; what else JavaScript or C
 * would read as one (`-1`, `1e3`, `0x0`, ` 0`) is refused, lest an image gives that name to root.
 */
export function parseId(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const id = Number(text);
    if (id <= LAST_ID) return id;
    throw new UserError('INVALID_ID', text, `Invalid id ${text}: ids are numbers from 0 to ${LAST_ID}`);
  }
  if (/^\s*[+-]?\.?\d/.test(text) && !Number.isNaN(Number(text))) {
    throw new UserError(
      'INVALID_ID',
      text,
      `Invalid id ${JSON.stringify(text)}: ids are written in plain decimal digits`,
    );
  }
  return undefined;
}

/** Well-formed lines of the image's /etc/passwd; none when there is no such file. */
export function readPasswd(tree: FileTree): readonly PasswdEntry[] {
  return lines(tree, '/etc/passwd').flatMap(([name, , uid, gid, , home]) => {
    const ids = [storedId(uid), storedId(gid)];
    return name !== undefined && name !== '' && ids[0] !== undefined && ids[1] !== undefined
      ? [{ name, uid: ids[0], gid: ids[1], home: home ?? '' }]
      : [];
  });
}

/** Well-formed lines of the image's /etc/group; none when there is no such file. */
export function readGroup(tree: FileTree): readonly GroupEntry[] {
  return lines(tree, '/etc/group').flatMap(([name, , gid, members]) => {
    const id = storedId(gid);
    return name !== undefined && name !== '' && id !== undefined
      ? [{ name, gid: id, members: (members ?? '').split(',').map((member) => member.trim()) }]
      : [];
  });
}

/** An id in a file: a line without a proper one is no entry. */
function storedId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= LAST_ID ? Number(text) : undefined;
}

function lines(tree: FileTree, path: string): readonly (readonly string[])[] {
  const text = readSmallFile(tree, path);
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/\r$/, '').split(':'));
}

/** Text of a regular file in the tree, symlinks resolved inside it; empty when it is not there. */
function readSmallFile(tree: FileTree, path: string): string {
  const node = tree.lookup(path, { follow: true });
  if (node === undefined) return '';
  if (node.stat.type !== 'file')
    throw new UserError('INVALID_FILE', path, `Cannot read ${path} of the image: it is not a regular file`);
  const tooLarge = () =>
    new UserError('INVALID_FILE', path, `Cannot read ${path} of the image: it is larger than ${LIMIT} bytes`);
  if (node.stat.size > LIMIT) throw tooLarge();
  const fd = tree.open(node);
  try {
    // The size was looked up before: one byte more tells a file that grew.
    const bytes = Buffer.allocUnsafe(LIMIT + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    if (length > LIMIT) throw tooLarge();
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}
