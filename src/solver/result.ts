import type { FileTree, Layer } from '../../layers/index.ts';

/** What a vertex gives: a stack of layers bottom first, or a tree of the host that is read in place. */
export type Result =
  | { readonly kind: 'layers'; readonly layers: readonly Layer[] }
  | { readonly kind: 'local'; readonly tree: FileTree; readonly name: string };
