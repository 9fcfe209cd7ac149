import {
  type ContentStore,
  type Descriptor,
  type Digest,
  hexOf,
  type Manifest,
  MediaType,
  type Platform,
  parseImageDocument,
} from '../../layers/index.ts';
import type { PlatformManifest } from './image-graph.ts';

/** Media type of an in-toto statement: github.com/in-toto/attestation, "Bundle". */
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';
const PREDICATE_TYPE = 'in-toto.io/predicate-type';
const REFERENCE_TYPE = 'vnd.docker.reference.type';
const REFERENCE_DIGEST = 'vnd.docker.reference.digest';
const ATTESTATION = 'attestation-manifest';
/** Nobody runs an attestation. */
const NOWHERE: Platform = { os: 'unknown', architecture: 'unknown' };

/** Bytes of one statement: a list of many packages is long. */
const MAX_STATEMENT_BYTES = 64 << 20;

/** What a statement says, as far as it matters here. */
interface Attested {
  readonly predicateType: string;
  readonly subject: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[];
}

/** Of a statement that came with an image, which may be anything. */
interface ForeignStatement {
  readonly subject: readonly unknown[];
}

/** The manifest that an entry of an index attests; undefined for an image. */
export function attestedBy({ annotations }: Descriptor): string | undefined {
  return annotations?.[REFERENCE_TYPE] === ATTESTATION ? annotations[REFERENCE_DIGEST] : undefined;
}

/**
 * Stores statements about an image as BuildKit attaches them to it: a manifest of no platform, which stands beside the
 * image's in an index and names it in its annotations. Gives its entry for the index.
 */
export function commitAttestation(
  content: ContentStore,
  image: Pick<Descriptor, 'digest'>,
  statements: readonly Attested[],
): Descriptor {
  return commitLayers(
    content,
    image,
    statements.map((statement) => ({
      mediaType: IN_TOTO_TYPE,
      ...content.putBytes(Buffer.from(JSON.stringify(statement))),
      annotations: { [PREDICATE_TYPE]: statement.predicateType },
    })),
  );
}

function commitLayers(
  content: ContentStore,
  image: Pick<Descriptor, 'digest'>,
  layers: readonly Descriptor[],
): Descriptor {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = { architecture: 'unknown', os: 'unknown', config: {}, rootfs };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, ...content.putBytes(Buffer.from(JSON.stringify(config))) },
    layers,
  };
  return {
    mediaType: manifest.mediaType,
    ...content.putBytes(Buffer.from(JSON.stringify(manifest))),
    platform: NOWHERE,
    annotations: { [REFERENCE_TYPE]: ATTESTATION, [REFERENCE_DIGEST]: image.digest },
  };
}

/**
 * The same statements about the same image in another form: compression changes the digest of its manifest, and
 * nothing else of what was attested. What is no plain statement about it stays as it is: it may be signed.
 */
export function attestationFor(
  content: ContentStore,
  { manifest }: PlatformManifest,
  before: Digest,
  after: Descriptor,
): PlatformManifest {
  const layers = manifest.layers.map((layer) => {
    if (layer.mediaType !== IN_TOTO_TYPE) return layer;
    const statement = readStatement(content.readAll(layer.digest, MAX_STATEMENT_BYTES));
    if (statement === undefined) return layer;
    const subject = statement.subject.map((one) =>
      isAbout(one, before) ? { ...one, digest: { sha256: hexOf(after.digest) } } : one,
    );
    return { ...layer, ...content.putBytes(Buffer.from(JSON.stringify({ ...statement, subject }))) };
  });
  const descriptor = commitLayers(content, after, layers);
  const document = parseImageDocument(content.readAll(descriptor.digest), descriptor.mediaType);
  if (document.kind === 'index') throw new Error('An attestation is a manifest');
  return { descriptor, manifest: document.manifest };
}

function readStatement(bytes: Buffer): ForeignStatement | undefined {
  try {
    const statement = JSON.parse(bytes.toString()) as Partial<ForeignStatement> | null;
    return Array.isArray(statement?.subject) ? (statement as ForeignStatement) : undefined;
  } catch {
    return undefined;
  }
}

function isAbout(subject: unknown, image: Digest): subject is Attested['subject'][number] {
  const { digest } = Object(subject) as Partial<Attested['subject'][number]>;
  return Object(digest).sha256 === hexOf(image);
}
