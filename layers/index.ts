/** The layered storage library: blobs, layers, image names and their collection. It knows no Dockerfile. */
export * from './content/content-store.ts';
export { type ApplyLimits, applyLayer } from './diff/apply.ts';
export { type ArchiveLimits, defaultLimits } from './diff/archive-limits.ts';
export { type ArchiveEntry, readArchive } from './diff/archive-reader.ts';
export { encodeTarEntry } from './diff/archive-writer.ts';
export { type CompressOptions, compress } from './diff/compress.ts';
export {
  type ArchiveKind,
  DETECT_BYTES,
  decompress,
  decompressAs,
  detectArchive,
  peek,
  plainTar,
  probeArchive,
  readable,
} from './diff/compression.ts';
export { cleanEntryPath } from './diff/entry-path.ts';
export { type ExtractOptions, extractArchive } from './diff/extract-archive.ts';
export { hashLayer, type LayerInfo } from './diff/hash-layer.ts';
export { openLayerTar } from './diff/layer-stream.ts';
export type { TarEntry } from './diff/tar-entry.ts';
export { writeLayer } from './diff/write-layer.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export type { Lease } from './gc/lease.ts';
export * from './images/image-store.ts';
export * from './images/reference.ts';
export * from './images/stored-image.ts';
export { cannotWrite } from './linux/cannot-write.ts';
export { diskUsage, sizeOfFiles } from './linux/disk-usage.ts';
export { SystemCallError } from './linux/errno.ts';
export { isStillAt, lockFile, tryLockFile, unlockFile } from './linux/flock.ts';
export { createHash, type Hash } from './linux/hash.ts';
export { type Koffi, koffi, loadedKoffi } from './linux/koffi.ts';
export { makeDirectories } from './linux/make-directories.ts';
export { randomBytes } from './linux/random.ts';
export { WholeFile } from './linux/whole-file.ts';
export * from './oci/descriptor.ts';
export * from './oci/digest.ts';
export * as documents from './oci/document.ts';
export * from './oci/image-config.ts';
export * from './oci/image-document.ts';
export * from './oci/iso-time.ts';
export * from './oci/manifest.ts';
export * from './oci/media-types.ts';
export * from './oci/platform.ts';
export { type LayerBackend, openStore, type StoreOptions } from './open-store.ts';
export type { Change } from './snapshots/changes.ts';
export { type DirectoryTree, type DirectoryTreeOptions, directoryTree } from './snapshots/directory-tree.ts';
export { type DirectoryWriter, directoryWriter } from './snapshots/directory-writer.ts';
export * from './snapshots/file-tree.ts';
export * from './snapshots/mount.ts';
export { type MountedPart, MountedTree, MountedWriter } from './snapshots/mounted-tree.ts';
export {
  type OverlaySnapshotter,
  type OverlaySnapshotterOptions,
  overlaySnapshotter,
} from './snapshots/overlay.ts';
export * from './snapshots/snapshotter.ts';
export * from './snapshots/tree-writer.ts';
export type { WrittenState } from './snapshots/written-state.ts';
export * from './store.ts';
