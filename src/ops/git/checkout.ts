import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperationError } from '../operation-error.ts';
import { checkRef, type GitRemote, isCommit } from './remote.ts';
import { type GitOptions, runGit } from './run-git.ts';

/** What a ref of a repository stands for at the moment. */
export interface ResolvedRef {
  readonly commit: string;
  /** Hash of an annotated tag, where the ref is one. */
  readonly tag?: string;
  /** Full name to ask the server for; undefined: only the commit is known. */
  readonly name?: string;
}

/** Asks the server what a branch, a tag or its HEAD is. A whole commit hash stands for itself. Throws `NOT_FOUND`. */
export async function resolveRef(
  remote: GitRemote,
  ref: string | undefined,
  directory: string,
  options: GitOptions,
): Promise<ResolvedRef> {
  if (ref !== undefined && isCommit(checkRef(ref))) return { commit: ref };
  // By a short name the server also tells of `refs/pull/1/name`: only these count, branches first as in git-checkout.
  const names = ref === undefined ? ['HEAD'] : [`refs/heads/${ref}`, `refs/tags/${ref}`, ref];
  const patterns = names.flatMap((name) => [name, `${name}^{}`]);
  const hashes = hashesOf(await runGit(directory, ['ls-remote', '--', remote.address, ...patterns], options));
  const name = names.find((candidate) => hashes.has(candidate));
  if (name === undefined) {
    const shown = ref ?? 'HEAD';
    throw new OperationError(
      'NOT_FOUND',
      shown,
      `${remote.address} has no branch or tag ${JSON.stringify(shown)}`,
    );
  }
  const hash = hashes.get(name)!;
  const peeled = hashes.get(`${name}^{}`);
  return peeled === undefined ? { commit: hash, name } : { commit: peeled, tag: hash, name };
}

/** git-ls-remote(1): a hash, a tab and a name per line. */
function hashesOf(listing: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const line of listing.split('\n')) {
    const [hash = '', name = ''] = line.split('\t');
    if (isCommit(hash)) hashes.set(name, hash);
  }
  return hashes;
}

export interface CheckoutRequest {
  readonly remote: GitRemote;
  readonly resolved: ResolvedRef;
  readonly submodules: boolean;
  readonly keepGitDir: boolean;
}

/** Checks a commit out into `<directory>/tree`. Returns the time of the commit, in seconds since 1970. */
export async function checkOut(
  directory: string,
  { remote, resolved, submodules, keepGitDir }: CheckoutRequest,
  options: GitOptions,
): Promise<number> {
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  const git = (...args: string[]) => runGit(tree, args, options);
  const format = resolved.commit.length === 64 ? ['--object-format=sha256'] : [];
  await git('init', '--quiet', '--template=', ...format);
  await git('config', 'remote.origin.url', remote.address);
  await fetchCommit(git, remote, resolved);
  await git('checkout', '--quiet', '--force', '--detach', resolved.commit, '--');
  if (submodules) await git('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1');
  const time = await git('show', '--no-patch', '--format=%ct', resolved.commit, '--');
  if (!keepGitDir) rmSync(join(tree, '.git'), { recursive: true });
  return Number(time.trim());
}

/** Only the commit, where the server gives single ones; else everything that it has. */
async function fetchCommit(
  git: (...args: string[]) => Promise<string>,
  { address }: GitRemote,
  { commit, name }: ResolvedRef,
): Promise<void> {
  try {
    await git('fetch', '--quiet', '--no-tags', '--depth=1', '--', address, name ?? commit);
    await git('cat-file', '-e', commit);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    const everything = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
    // A plain file server knows no depth, and then nothing was left shallow.
    const isDumb = /dumb http transport/.test(error.message);
    // git-fetch(1), "--depth": this number means "infinite", whether or not the first try left a shallow history.
    const depth = isDumb ? [] : ['--depth=2147483647'];
    await git('fetch', '--quiet', ...depth, '--', address, ...everything);
  }
}
