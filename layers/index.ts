/** The layered storage library: blobs, layers, image names and their collection. It knows no Dockerfile. */
export * from './content/content-store.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export * from './images/image-store.ts';
export * from './images/reference.ts';
export { type Koffi, koffi } from './linux/koffi.ts';
export * from './oci/descriptor.ts';
export * from './oci/digest.ts';
export * from './oci/image-config.ts';
export * from './oci/media-types.ts';
export * from './oci/platform.ts';
export * from './snapshots/file-tree.ts';
export * from './snapshots/mount.ts';
export * from './snapshots/snapshotter.ts';
export * from './snapshots/tree-writer.ts';
export * from './store.ts';
