import type { ArchiveEntry } from '../../layers/index.ts';

/** What matters of a file in an image archive, be it a tar or a directory. */
export type ArchiveMember = Pick<ArchiveEntry, 'path' | 'type' | 'size' | 'linkpath' | 'body'>;
