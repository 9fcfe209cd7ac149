import type { LayerForm } from '../exporter/encode-layer.ts';

/** Where a cache comes from. */
export type CacheSource =
  | { readonly type: 'registry'; readonly ref: string; readonly insecure: boolean }
  | { readonly type: 'local'; readonly path: string; readonly tag: string; readonly digest?: string };

/** Where a cache goes. */
export type CacheTarget =
  | { readonly type: 'registry'; readonly ref: string; readonly insecure: boolean }
  | { readonly type: 'local'; readonly path: string; readonly tag: string }
  | { readonly type: 'inline' };

export interface CacheImport {
  readonly source: CacheSource;
  /** Whether what goes wrong is only told. */
  readonly ignoreError: boolean;
  /** Cache mounts too. */
  readonly mounts: boolean;
}

export interface CacheExport {
  readonly target: CacheTarget;
  /** `min`: blobs of the image's own steps alone; `max`: of all steps. */
  readonly mode: 'min' | 'max';
  readonly ignoreError: boolean;
  readonly mounts: boolean;
  /** Bytes of one cache mount, as a tar: a larger one is left out. */
  readonly mountLimit: number;
  /** Undefined: gzip, or what the layer was compressed to before. */
  readonly form?: LayerForm;
}
