import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Descriptor, type Platform, parseReference, readImage, type Store } from '../../layers/index.ts';
import { Annotation } from '../exporter/annotations.ts';
import { takeLayout } from '../exporter/load.ts';
import { ApiError } from './errors.ts';
import type { FoundImage } from './images.ts';

/** `PATH[:TAG][@DIGEST]` of an `oci-layout://` context: which image of which directory. */
export interface LayoutReference {
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

export function parseLayoutReference(text: string): LayoutReference {
  const [, rest = text, digest] = /^(.*?)@(sha(?:256|512):[0-9a-f]+)$/.exec(text) ?? [];
  const [, path = rest, tag] = /^(.*):([\w][\w.-]{0,127})$/.exec(rest) ?? [];
  return { path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The image of a layout on the host; its blobs come into the store. Throws `NO_SUCH_IMAGE`. */
export async function findInLayout(
  store: Store,
  text: string,
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<FoundImage> {
  const reference = parseLayoutReference(text);
  const directory = resolve(reference.path);
  if (!existsSync(directory))
    throw new ApiError('NO_SUCH_IMAGE', text, `oci-layout://${text}: no such directory: ${directory}`);
  const entries = await takeLayout(store, directory, signal);
  const target = chooseEntry(entries, reference);
  if (target === undefined) {
    const tags = entries.flatMap((entry) => tagOf(entry) ?? []);
    const there = tags.length === 0 ? 'nothing with a tag' : tags.join(', ');
    throw new ApiError(
      'NO_SUCH_IMAGE',
      text,
      `oci-layout://${text}: no such image in the layout: it has ${there}: name it as PATH:TAG or PATH@DIGEST`,
    );
  }
  return {
    name: `${reference.path}@${target.digest}`,
    target,
    image: readImage(store.content, target, platform),
  };
}

/** By digest, else by tag (default `latest`); without either the only one there is. */
function chooseEntry(
  entries: readonly Descriptor[],
  { tag, digest }: LayoutReference,
): Descriptor | undefined {
  if (digest !== undefined) return entries.find((entry) => entry.digest === digest);
  const tagged = entries.find((entry) => tagOf(entry) === (tag ?? 'latest'));
  return tagged ?? (tag === undefined && entries.length === 1 ? entries[0] : undefined);
}

/** Some tools write the tag alone, others the whole name. */
function tagOf({ annotations = {} }: Descriptor): string | undefined {
  const name = annotations[Annotation.refName];
  if (name === undefined || !/[/:]/.test(name)) return name;
  return parseReference(name).tag;
}
