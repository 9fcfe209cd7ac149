import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  bytePath,
  DETECT_BYTES,
  detectArchive,
  extractArchive,
  type FileTree,
  peek,
  readable,
  type Store,
} from '../../layers/index.ts';
import { withoutCredentials } from '../dockerfile/credentials.ts';
import { isHttpUrl, parseGitUrl } from '../dockerfile/git-url.ts';
import type { GitSourceOp, HttpSourceOp } from '../llb/op.ts';
import { readDockerfileText } from './dockerfile-text.ts';
import { fetchSource, type RemoteOptions, timeOfSource } from './remote-source.ts';

/** What the argument of a build turned out to be. */
export type MainContext =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'files';
      readonly tree: FileTree;
      /** Seconds since 1970. */
      time?(): Promise<number | undefined>;
      close?(): void;
    }
  /** A Dockerfile without files. */
  | { readonly kind: 'dockerfile'; readonly text: string };

/** What is to be fetched for an argument that is no directory; undefined when it is no address either. Throws Error. */
export function contextAddress(text: string): GitSourceOp | HttpSourceOp | undefined {
  // Docker takes this without a protocol, for old times' sake.
  const address = text.startsWith('github.com/')
    ? `https://${text.replace(/^([^#]*?)(?:\.git)?(#|$)/, '$1.git$2')}`
    : text;
  const git = parseGitUrl(address);
  if (git !== undefined) return { type: 'git', ...git, keepGitDir: git.keepGitDir ?? false };
  return isHttpUrl(address) ? { type: 'http', url: address, filename: 'context' } : undefined;
}

/** A repository, an archive, or the text of a Dockerfile, that is somewhere else. */
export async function openRemoteContext(
  store: Store,
  source: GitSourceOp | HttpSourceOp,
  options: Omit<RemoteOptions, 'name'>,
): Promise<MainContext> {
  const shown = withoutCredentials(source.type === 'git' ? source.remote : source.url);
  const name = `[internal] load ${source.type === 'git' ? 'git source' : 'remote build context'} ${shown}`;
  const tree = await fetchSource(store, source, { ...options, name });
  const time = () => timeOfSource(tree, source);
  if (source.type === 'git') return { kind: 'files', tree, time };
  const file = tree.lookup(bytePath('/context'))!;
  const context = await openStreamContext(store, createReadStream('', { fd: tree.open(file) }));
  return context.kind === 'files' ? { ...context, time } : context;
}

/** A stream is a tar (compressed or not), else the text of a Dockerfile without context, as for `docker build -`. */
export async function openStreamContext(store: Store, stream: Readable): Promise<MainContext> {
  const { head, all } = await peek(stream, DETECT_BYTES);
  const kind = detectArchive(head);
  if (kind === undefined) return { kind: 'dockerfile', text: await readDockerfileText(all) };
  const snapshot = store.snapshots.prepare([]);
  try {
    const writer = snapshot.writer();
    await extractArchive(readable(all), writer, '/', {});
    writer.finish();
    return { kind: 'files', tree: snapshot.tree(), close: () => snapshot.abort() };
  } catch (error) {
    snapshot.abort();
    throw error;
  }
}
