import type { Platform } from '../../../layers/index.ts';
import type { VertexDigest, VertexMeta } from '../../llb/definition.ts';
import type { GraphBuilder } from '../../llb/graph.ts';
import type { FileOp, GitSourceOp, HttpSourceOp } from '../../llb/op.ts';
import { withoutCredentials } from '../credentials.ts';
import { parseGitUrl } from '../git-url.ts';
import type { FileContext } from './origins.ts';
import type { ResolvedImage } from './request.ts';

export function scratchVertex(graph: GraphBuilder): VertexDigest {
  return graph.add({ type: 'scratch' }, [], { name: 'scratch', ignoreCache: false });
}

/** The filesystem of an image. */
export function imageVertex(
  { ref, manifest, config }: ResolvedImage,
  platform: Platform,
  meta: VertexMeta,
  graph: GraphBuilder,
): VertexDigest {
  if (config.rootfs.diff_ids.length === 0) return scratchVertex(graph);
  return graph.add({ type: 'image', ref, manifest, platform }, [], meta);
}

/** `docker.io/library/busybox:latest@sha256:…`. */
export function nameWithDigest({ ref, manifest }: ResolvedImage): string {
  return ref.includes('@') ? ref : `${ref}@${manifest}`;
}

/** The files of a named context: the directory itself, or what was fetched. */
export function filesVertex(name: string, files: FileContext, graph: GraphBuilder): VertexDigest {
  const meta = { name: `[context ${name}] load from ${files.kind}`, ignoreCache: false };
  switch (files.kind) {
    case 'local':
      return graph.add({ type: 'local', name }, [], meta);
    case 'git':
      return graph.add(contextSourceOp(files), [], meta);
    case 'http': {
      const archive = graph.add(contextSourceOp(files), [], meta);
      const unpack = copyAll('/context', withoutCredentials(files.url), 'always');
      return graph.add(unpack, [scratchVertex(graph), archive], {
        ...meta,
        name: `[context ${name}] unpack`,
      });
    }
  }
}

/** What brings the files of a named context that is not here. Throws Error for a git address that is wrong. */
export function contextSourceOp({
  kind,
  url,
}: Extract<FileContext, { url: string }>): GitSourceOp | HttpSourceOp {
  if (kind === 'http') return { type: 'http', url, filename: 'context' };
  return { type: 'git', keepGitDir: false, ...(parseGitUrl(url) ?? { remote: url }) };
}

/** The same as a layer: a stage cannot be built upon a directory of the host. */
export function filesLayer(name: string, files: FileContext, graph: GraphBuilder): VertexDigest {
  const vertex = filesVertex(name, files, graph);
  if (files.kind !== 'local') return vertex;
  const meta = { name: `[context ${name}] copy`, ignoreCache: false };
  return graph.add(copyAll('/', name, 'never'), [scratchVertex(graph), vertex], meta);
}

function copyAll(source: string, display: string, unpack: 'always' | 'never'): FileOp {
  return {
    type: 'file',
    actions: [
      {
        kind: 'copy',
        input: 1,
        sources: [source],
        destination: '/',
        keepOwner: false,
        exclude: [],
        parents: false,
        unpack,
        display: [display],
      },
    ],
  };
}
