import { expect, test } from 'vitest';
import { type Descriptor, digestOf, hexOf, type Manifest, MediaType } from '../../../layers/index.ts';
import { attestationFor, attestedBy, IN_TOTO_TYPE } from '../../../src/exporter/attestation.ts';
import { tempStore } from '../../support/temp-store.ts';

const [before, after] = [digestOf('before'), digestOf('after')];

/** What `attestationFor` makes of an attestation with these layers: their documents. */
function rewritten(documents: readonly unknown[], mediaType: string = IN_TOTO_TYPE): unknown[] {
  const { content } = tempStore().store;
  const layers = documents.map((document) => ({
    mediaType,
    ...content.putBytes(Buffer.from(JSON.stringify(document))),
  }));
  const config = { mediaType: MediaType.ociConfig, ...content.putBytes(Buffer.from('{}')) };
  const manifest: Manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers };
  const image: Descriptor = { mediaType: manifest.mediaType, digest: after, size: 1 };
  const attestation = { descriptor: { ...image, digest: digestOf('attestation') }, manifest };
  const made = attestationFor(content, attestation, before, image);
  expect(attestedBy(made.descriptor)).toBe(after);
  return made.manifest.layers.map(({ digest }) => JSON.parse(content.readAll(digest).toString()) as unknown);
}

test('attestationFor() has statements be about the image in its new form, and nothing else changed', () => {
  const about = (digest: string) => ({ predicate: 1, subject: [{ name: 'a', digest: { sha256: digest } }] });
  const other = hexOf(digestOf('other'));
  expect(rewritten([about(hexOf(before)), about(other)])).toEqual([about(hexOf(after)), about(other)]);
});

test('attestationFor() leaves what is no statement, or signed, as it is', () => {
  const strange = [null, 7, {}, { subject: 'x' }, { subject: [null, { digest: null }, 'y'] }];
  expect(rewritten(strange)).toEqual(strange);
  const signed = [{ subject: [{ name: 'a', digest: { sha256: hexOf(before) } }] }];
  expect(rewritten(signed, 'application/vnd.dsse.envelope.v1+json')).toEqual(signed);
});
