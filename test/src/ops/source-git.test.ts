import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FileTree, openStore, type Store } from '../../../layers/index.ts';
import type { GitSourceOp } from '../../../src/llb/op.ts';
import { gitSourceOperation } from '../../../src/ops/source-git.ts';
import { cacheKey } from '../../../src/solver/cache-key.ts';
import { layerStore } from '../../support/layer-store.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { shortListing } from '../../support/tree-listing.ts';

const hasGit = (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, 'git')));
if (!hasGit) console.warn('Skipping the git source: there is no git');
const gitTest = test.skipIf(!hasGit);

const WHEN = 1_234_567_890;

/** A repository in a folder of its own. */
class Repository {
  readonly path = join(tempFolder(), 'repository.git');

  constructor() {
    mkdirSync(this.path);
    this.git('init', '--quiet', '--initial-branch=main');
  }

  get url(): string {
    return `file://${this.path}`;
  }

  git(...args: string[]): string {
    const who = { NAME: 'A', EMAIL: 'a@example.com', DATE: `${WHEN} +0000` };
    const identity = ['AUTHOR', 'COMMITTER'].flatMap((role) =>
      Object.entries(who).map(([what, value]) => [`GIT_${role}_${what}`, value]),
    );
    const env = {
      PATH: process.env.PATH,
      HOME: this.path,
      GIT_CONFIG_NOSYSTEM: '1',
      ...Object.fromEntries(identity),
    };
    return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], { cwd: this.path, env })
      .toString()
      .trim();
  }

  /** Commits files (`->target` is a symlink) and answers with the commit. */
  commit(files: Readonly<Record<string, string>>): string {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      mkdirSync(dirname(path), { recursive: true });
      if (content.startsWith('->')) symlinkSync(content.slice(2), path);
      else writeFileSync(path, content);
      if (content.startsWith('#!')) chmodSync(path, 0o700);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--message=x', '--allow-empty');
    return this.git('rev-parse', 'HEAD');
  }
}

type Given = Partial<GitSourceOp> & { readonly environment?: Readonly<Record<string, string>> };

function prepare(store: Store, remote: string, { environment, ...rest }: Given = {}) {
  const op: GitSourceOp = { type: 'git', remote, keepGitDir: false, ...rest };
  const vertex = { digest: 'v', op, inputs: [], meta: { name: 'ADD', ignoreCache: false } };
  const log: string[] = [];
  const report = (event: { kind: string; data?: Uint8Array }) => {
    if (event.kind === 'log') log.push(Buffer.from(event.data!).toString());
  };
  const context = { report, signal: new AbortController().signal };
  const operation = gitSourceOperation(store, {
    protocols: ['file', 'http'],
    ...(environment && { environment: { PATH: process.env.PATH, ...environment } }),
  });
  return { operation, vertex, context, log };
}

async function checkOut(store: Store, remote: string, given: Given = {}): Promise<FileTree> {
  const { operation, vertex, context } = prepare(store, remote, given);
  const result = await operation.run(vertex, [], context);
  if (result.kind !== 'layers') throw new Error('expected layers');
  return store.snapshots.view(result.layers);
}

async function files(remote: string, given: Given = {}): Promise<Record<string, string>> {
  return shortListing(await checkOut(layerStore(), remote, given));
}

gitTest('gitSourceOperation() gives the files of HEAD, owned by root and as old as the commit', async () => {
  const repository = new Repository();
  repository.commit({ 'a.txt': 'a', 'd/run': '#!x', link: '->a.txt' });
  const tree = await checkOut(layerStore(), repository.url);
  expect(shortListing(tree)).toEqual({
    '/a.txt': 'f 644 0:0 a',
    '/d': 'd 755 0:0',
    '/d/run': 'f 755 0:0 #!x',
    '/link': 'l 0:0 -> a.txt',
  });
  for (const path of ['/', '/a.txt', '/d', '/d/run'])
    expect(tree.lookup(path)!.stat.mtimeNs).toBe(BigInt(WHEN) * 1_000_000_000n);
});

gitTest('gitSourceOperation() finds branches, tags and commits, whichever the server tells of', async () => {
  const repository = new Repository();
  const first = repository.commit({ a: '1' });
  repository.git('tag', 'light');
  repository.git('tag', '--annotate', '--message=x', 'heavy');
  repository.commit({ a: '2' });
  repository.git('branch', 'other');
  repository.git('branch', 'both');
  repository.git('tag', 'both', first);
  repository.commit({ a: '3' });
  const at = async (ref: string) => (await files(repository.url, { ref }))['/a']?.at(-1);
  expect(await at('main')).toBe('3');
  expect(await at('other')).toBe('2');
  expect(await at('light')).toBe('1');
  expect(await at('heavy')).toBe('1');
  expect(await at('refs/tags/heavy')).toBe('1');
  expect(await at('both')).toBe('2');
  expect(await at('refs/tags/both')).toBe('1');
  expect(await at(first)).toBe('1');
  await expect(at('nosuch')).rejects.toThrow(`${repository.url} has no branch or tag "nosuch"`);
  await expect(at('a'.repeat(40))).rejects.toThrow(/git (?:fetch|checkout) failed/);
});

gitTest('gitSourceOperation() verifies the commit, and takes it where no ref is given', async () => {
  const repository = new Repository();
  const first = repository.commit({ a: '1' });
  repository.git('tag', '--annotate', '--message=x', 'heavy');
  const tag = repository.git('rev-parse', 'heavy');
  repository.commit({ a: '2' });
  const at = async (given: Given) => (await files(repository.url, given))['/a'];
  expect(await at({ ref: 'heavy', checksum: first.slice(0, 12) })).toBe('f 644 0:0 1');
  expect(await at({ ref: 'heavy', checksum: tag })).toBe('f 644 0:0 1');
  expect(await at({ checksum: first })).toBe('f 644 0:0 1');
  await expect(at({ ref: 'main', checksum: first })).rejects.toThrow(`expected checksum to match ${first}`);
});

gitTest(
  'gitSourceOperation() keeps .git only when asked, and then no secrets and no hooks in it',
  async () => {
    const repository = new Repository();
    repository.commit({ a: '1' });
    const kept = await files(repository.url, { keepGitDir: true });
    expect(kept['/.git/HEAD']).toMatch(/[0-9a-f]{40}/);
    expect(kept['/.git/config']).toContain(repository.url);
    expect(Object.keys(kept).filter((path) => path.startsWith('/.git/hooks/'))).toEqual([]);
  },
);

gitTest('gitSourceOperation() gives a subdirectory, found inside the checkout', async () => {
  const repository = new Repository();
  const canary = join(tempFolder(), 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'secret'), 'canary');
  repository.commit({
    'd/sub/f': 'f',
    link: '->d',
    up: '->../../../../../../../../../..',
    absolute: `->${canary}`,
    root: '->/',
    git: '->.git',
  });
  const at = (subdir: string) => files(repository.url, { subdir });
  expect(await at('d/sub')).toEqual({ '/f': 'f 644 0:0 f' });
  expect(Object.keys(await at('link'))).toEqual(['/sub', '/sub/f']);
  expect(Object.keys(await at('../../d/sub'))).toEqual(['/f']);
  // What would be the host's root is the checkout's.
  expect(await at('root')).toHaveProperty('/d/sub/f');
  expect(await at('up')).toHaveProperty('/d/sub/f');
  for (const subdir of ['absolute', 'git', '.git', 'nosuch', 'd/sub/f'])
    await expect(at(subdir)).rejects.toThrow('The git repository has no directory');
});

gitTest('gitSourceOperation() checks submodules out, unless told not to', async () => {
  const inner = new Repository();
  inner.commit({ i: 'inner' });
  const outer = new Repository();
  outer.commit({ o: 'outer' });
  outer.git('submodule', '--quiet', 'add', inner.url, 'mod');
  outer.commit({});
  expect(await files(outer.url)).toMatchObject({ '/mod/i': 'f 644 0:0 inner', '/o': 'f 644 0:0 outer' });
  expect(await files(outer.url)).not.toHaveProperty('/mod/.git');
  expect(await files(outer.url, { submodules: false })).not.toHaveProperty('/mod/i');
});

gitTest.each(['ext::sh -c touch% canary', '--upload-pack=touch canary', '-x', 'fd::17'])(
  'gitSourceOperation() does not follow a submodule to %s',
  async (url) => {
    const inner = new Repository();
    inner.commit({ i: 'inner' });
    const outer = new Repository();
    outer.git('submodule', '--quiet', 'add', inner.url, 'mod');
    outer.git('config', '--file', '.gitmodules', 'submodule.mod.url', url);
    outer.commit({});
    await expect(files(outer.url)).rejects.toThrow('git submodule failed');
  },
);

gitTest('gitSourceOperation() runs no program that a repository names', async () => {
  const repository = new Repository();
  const canary = join(tempFolder(), 'canary');
  repository.commit({
    '.gitattributes': '* filter=evil diff=evil',
    '.gitconfig': `[filter "evil"]\n smudge = touch ${canary}\n`,
    '.git-hooks/post-checkout': `#!/bin/sh\ntouch ${canary}\n`,
    a: 'a',
  });
  await files(repository.url);
  expect(existsSync(canary)).toBe(false);
});

gitTest("gitSourceOperation() heeds nobody's configuration", async () => {
  const repository = new Repository();
  repository.commit({ a: '1' });
  const other = new Repository();
  other.commit({ a: 'other' });
  const home = tempFolder();
  writeFileSync(join(home, '.gitconfig'), `[url "${other.url}"]\n insteadOf = ${repository.url}\n`);
  const environment = { HOME: home, GIT_DIR: other.path, GIT_CONFIG: join(home, '.gitconfig') };
  expect(await files(repository.url, { environment })).toEqual({ '/a': 'f 644 0:0 1' });
});

gitTest('gitSourceOperation() asks a branch anew, and a commit that it has never again', async () => {
  const repository = new Repository();
  const commit = repository.commit({ a: '1' });
  const store = layerStore();
  const at = async (ref: string) => shortListing(await checkOut(store, repository.url, { ref }))['/a'];
  expect(await at('main')).toBe('f 644 0:0 1');
  repository.commit({ a: '2' });
  expect(await at('main')).toBe('f 644 0:0 2');
  renameSync(repository.path, `${repository.path}.gone`);
  expect(await at(commit)).toBe('f 644 0:0 1');
  await expect(at('main')).rejects.toThrow('git ls-remote failed');
});

gitTest('gitSourceOperation() keys by the commit, and a build sees one commit only', async () => {
  const repository = new Repository();
  repository.commit({ a: '1' });
  const store = layerStore();
  const { operation, vertex, context } = prepare(store, repository.url);
  const key = async (made: ReturnType<typeof prepare>) =>
    cacheKey(await made.operation.keyParts(made.vertex, [], made.context));
  const first = await key({ operation, vertex, context, log: [] });
  repository.commit({ a: '2' });
  const result = await operation.run(vertex, [], context);
  expect(result.kind === 'layers' && shortListing(store.snapshots.view(result.layers))).toEqual({
    '/a': 'f 644 0:0 1',
  });
  expect(await key(prepare(store, repository.url))).not.toBe(first);
});

gitTest('gitSourceOperation() sends user and password to the server, and shows them to nobody', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(403).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const given = prepare(layerStore(), `http://me:s3cret@${host}/a.git`, { ref: 'main', environment: {} });
  const failure = await given.operation.run(given.vertex, [], given.context).catch((error: Error) => error);
  expect(seen[0]).toBe(`Basic ${Buffer.from('me:s3cret').toString('base64')}`);
  expect(`${(failure as Error).message} ${given.log.join('')}`).not.toContain('s3cret');
  expect((failure as Error).message).toContain('git ls-remote failed');
  server.close();
});

test('gitSourceOperation() refuses the host’s files, programs and options before git is started', async () => {
  const operation = gitSourceOperation(layerStore(), { environment: { PATH: '/nonexistent' } });
  const context = { report: () => {}, signal: new AbortController().signal };
  const attempt = (rest: Partial<GitSourceOp>) =>
    operation.run(
      {
        digest: JSON.stringify(rest),
        op: { type: 'git', remote: 'https://example.com/a.git', keepGitDir: false, ...rest },
        inputs: [],
        meta: { name: 'ADD', ignoreCache: false },
      },
      [],
      context,
    );
  await expect(attempt({ remote: 'file:///etc' })).rejects.toThrow('the protocol "file" is not allowed');
  await expect(attempt({ remote: 'ext::sh -c x' })).rejects.toThrow('Invalid git repository');
  await expect(attempt({ ref: '--upload-pack=x' })).rejects.toThrow('Invalid git ref');
  await expect(attempt({ ref: 'main' })).rejects.toThrow('git is not installed');
});

gitTest(
  'gitSourceOperation() works in directories that the store reclaims, and leaves none behind',
  async () => {
    const repository = new Repository();
    repository.commit({ a: '1' });
    const tools = tempFolder();
    const log = join(tools, 'log');
    const git = execFileSync('sh', ['-c', 'command -v git']).toString().trim();
    writeFileSync(join(tools, 'git'), `#!/bin/sh\npwd >>${log}\nexec ${git} "$@"\n`, { mode: 0o755 });
    const environment = { PATH: `${tools}:${process.env.PATH}` };
    const store = layerStore();
    await checkOut(store, repository.url, { environment });
    await checkOut(store, repository.url, { environment, subdir: 'nosuch' }).catch(() => {});
    const places = readFileSync(log, 'utf8').trim().split('\n');
    expect(places.length).toBeGreaterThan(2);
    // docs/store-layout.md: named by the lease.
    const inStore = /^\/active\/[0-9a-f]{16}\./;
    for (const place of places) expect(place.replace(store.root, '')).toMatch(inStore);
    // A symlink to where a layer went stays with the lease.
    const left = readdirSync(join(store.root, 'active'), { withFileTypes: true });
    expect(left.filter((entry) => entry.isDirectory())).toEqual([]);
  },
);

gitTest('gitSourceOperation() heeds no repository that the store is in', async () => {
  const repository = new Repository();
  repository.commit({ a: '1' });
  const around = tempFolder();
  execFileSync('git', ['init', '--quiet', around]);
  execFileSync('git', ['config', `url.file:///nowhere/.insteadOf`, 'file:///'], { cwd: around });
  const store = openStore(join(around, 'store'));
  onTestFinished(() => store.close());
  expect(shortListing(await checkOut(store, repository.url))).toEqual({ '/a': 'f 644 0:0 1' });
});
