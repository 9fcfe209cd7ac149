import { type Store, StoreError } from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import { mapConcurrently } from '../registry/concurrency.ts';
import type { CacheContents } from './contents.ts';
import { openLayoutCache } from './layout-place.ts';
import type { CacheReader } from './place.ts';
import { InternalStep } from './progress.ts';
import type { CacheImport } from './request.ts';

/** Milliseconds that the documents of a cache may take: what a build waits for, whatever the registry does. */
const PATIENCE = 20_000;

export interface ImportContext {
  readonly store: Store;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** What one cache says, and where its blobs are. */
export interface Source {
  readonly reader: CacheReader;
  readonly contents: CacheContents;
  readonly mounts: boolean;
}

/**
 * Reads what the caches say, all at once; in the order of the requests, whichever answers first. Fails only for one whose
 * errors are not to be ignored.
 */
export async function readSources(
  requests: readonly CacheImport[],
  context: ImportContext,
): Promise<readonly Source[]> {
  const read: Source[] = [];
  try {
    const sources = await mapConcurrently(requests, requests.length, context.signal, async (request) => {
      const found = await readSource(request, context);
      read.push(...found);
      return found;
    });
    return sources.flat();
  } catch (error) {
    closeSources(read);
    throw error;
  }
}

export function closeSources(sources: readonly Source[]): void {
  for (const reader of new Set(sources.map((source) => source.reader))) reader.close();
}

async function readSource(
  { source, ignoreError, mounts }: CacheImport,
  context: ImportContext,
): Promise<readonly Source[]> {
  const label = source.type === 'registry' ? source.ref : source.path;
  const progress = new InternalStep(context.report, `importing cache manifest from ${label}`);
  try {
    const reader = await openReader(source, context);
    try {
      const found = await patiently(reader.contents(), context.signal);
      if (found.length === 0) {
        reader.close();
        progress.note(`no cache there yet\n`);
      }
      progress.done();
      return found.map((contents) => ({ reader, contents, mounts }));
    } catch (error) {
      reader.close();
      throw error;
    }
  } catch (error) {
    context.signal.throwIfAborted();
    progress.done(error);
    if (!ignoreError) throw error;
    warn(context, { label }, 'Cannot import the cache', error);
    return [];
  }
}

async function openReader(source: CacheImport['source'], { signal }: ImportContext): Promise<CacheReader> {
  if (source.type === 'local') return openLayoutCache(source);
  const { openRegistryCache } = await import('./registry-place.ts');
  return openRegistryCache(source.ref, { signal, ...(source.insecure && { insecure: true }) });
}

/** Tells what could not be had, and from where. */
export function warn(
  { report }: Pick<ImportContext, 'report'>,
  { label }: Pick<CacheReader, 'label'>,
  what: string,
  error: unknown,
): void {
  const reason = error instanceof Error ? error.message : String(error);
  report({ kind: 'warning', short: `${what} from ${label}: ${reason}` });
}

/** What a registry takes too long for is given up. */
function patiently<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new StoreError('SYSTEM', 'cache', `No answer within ${PATIENCE / 1000} seconds`)),
      PATIENCE,
    );
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(limit);
      signal.removeEventListener('abort', stop);
    });
  });
}
