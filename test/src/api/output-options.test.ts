import { expect, test } from 'vitest';
import { outputOptions } from '../../../src/api/output-options.ts';
import type { OutputRequest } from '../../../src/api/types.ts';

const output = (type: OutputRequest['type'], attributes: Readonly<Record<string, string>>) =>
  ({ type, dest: 'x', attributes }) as OutputRequest;

test.each([
  ['image', { name: 'a,b', push: 'true' }, { names: ['a', 'b'], push: true }],
  ['image', { 'push-by-digest': '1', 'registry.insecure': 'T' }, { byDigest: true, insecure: true }],
  ['image', { compression: 'zstd', 'compression-level': '5' }, { form: { compression: 'zstd', level: 5 } }],
  ['oci', { 'force-compression': 'true' }, { form: { compression: 'gzip', force: true } }],
  ['oci', { compression: 'uncompressed' }, { form: { compression: 'none' } }],
  ['docker', { tar: 'false', 'source-date-epoch': '7' }, { tar: false, epoch: 7 }],
  [
    'image',
    { 'source-date-epoch': '', 'rewrite-timestamp': 'true' },
    { epoch: null, rewriteTimestamps: true },
  ],
  ['image', { 'annotation-index.k': 'v' }, { annotations: [{ level: 'index', key: 'k', value: 'v' }] }],
  [
    'image',
    { 'oci-mediatypes': 'false', unpack: 'true', store: 'false' },
    { form: { mediaTypes: 'docker' } },
  ],
  ['local', { mode: 'delete', 'platform-split': 'false' }, { deletes: true, platformSplit: false }],
  ['tar', { 'source-date-epoch': '0' }, { epoch: 0 }],
] as const)('outputOptions() reads %s %j', (type, attributes, expected) => {
  expect(outputOptions(output(type, attributes))).toMatchObject(expected);
});

test.each([
  ['image', { compresion: 'gzip' }, 'unknown attribute "compresion" of output type image'],
  ['image', { push: 'maybe' }, 'non-bool value "maybe" specified for push'],
  [
    'image',
    { compression: 'estargz' },
    'compression=estargz is not supported: use gzip, zstd or uncompressed',
  ],
  ['image', { compression: 'lz4' }, 'unknown compression "lz4"'],
  ['image', { 'compression-level': 'high' }, 'non-integer value "high"'],
  ['image', { 'source-date-epoch': 'abc' }, 'invalid source-date-epoch: abc'],
  ['local', { mode: 'move' }, 'invalid local exporter mode "move"'],
  ['local', { 'annotation.a': 'b' }, 'unknown attribute "annotation.a"'],
  ['tar', { push: 'true' }, 'unknown attribute "push" of output type tar'],
] as const)('outputOptions() refuses %s %j', (type, attributes, message) => {
  expect(() => outputOptions(output(type, attributes))).toThrow(message);
});
