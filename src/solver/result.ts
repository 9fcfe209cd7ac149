import type { FileTree, Layer } from '../../layers/index.ts';

/** What a vertex gives: a stack of layers bottom first, or a tree of the host that is read in place. */
export type Result =
  | { readonly kind: 'layers'; readonly layers: readonly Layer[] }
  | { readonly kind: 'local'; readonly tree: FileTree; readonly name: string };

/** The layers of a result that must be made of layers. */
export function layersOf(result: Result): readonly Layer[] {
  if (result.kind !== 'layers')
    throw new Error(`Cannot stack layers on the local directory "${result.name}"`);
  return result.layers;
}
