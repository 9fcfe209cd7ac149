import { describe, expect, test } from 'vitest';
import { type DiffId, type Manifest, MediaType } from '../../../layers/index.ts';
import {
  CACHE_CONFIG_TYPE,
  formatContents,
  parseContents,
  parseInline,
} from '../../../src/cache/contents.ts';

const hex = (digit: string) => digit.repeat(64);
const id = (digit: string) => `sha256:${hex(digit)}` as DiffId;
const LAYER = { mediaType: MediaType.ociLayerGzip, digest: id('9') as never, size: 5 };
const MOUNT = { id: '/c', diffId: id('2'), mode: 0o755, uid: 0, gid: 0 };
const CONTENTS = {
  steps: new Map([
    [hex('b'), [id('1'), id('3')]],
    [hex('a'), []],
  ]),
  selections: new Map([[hex('c'), [hex('d')]]]),
  mounts: new Map([[hex('e'), MOUNT]]),
  blobs: new Map([
    [id('2'), { ...LAYER, size: 7 }],
    [id('1'), LAYER],
  ]),
};

function manifestOf(layers: Manifest['layers'], config = Buffer.alloc(0)): Manifest {
  const descriptor = { mediaType: CACHE_CONFIG_TYPE, digest: id('0') as never, size: config.length };
  return { schemaVersion: 2, mediaType: MediaType.ociManifest, config: descriptor, layers };
}

describe('parseContents()', () => {
  test('reads what formatContents() wrote, which does not depend on the order', () => {
    const { config, layers } = formatContents(CONTENTS);
    const read = parseContents(manifestOf(layers), config);
    expect(read).toEqual(CONTENTS);
    expect(formatContents(read).config.equals(config)).toBe(true);
  });

  const whole = JSON.parse(formatContents(CONTENTS).config.toString());
  const changed = (change: object) => Buffer.from(JSON.stringify({ ...whole, ...change }));
  test.each<[string, object, string]>([
    ['another version', { version: 2 }, 'The cache has format 2'],
    ['no version', { version: undefined }, 'version'],
    ['a key that is a path', { steps: [{ key: '../../x', layers: [] }] }, 'steps[0].key'],
    ['a key in capitals', { steps: [{ key: hex('A'), layers: [] }] }, 'steps[0].key'],
    [
      'a diff ID of another kind (N01)',
      { steps: [{ key: hex('a'), layers: ['sha256:../..'] }] },
      'steps[0].layers[0]',
    ],
    [
      'too many layers of a step',
      { steps: [{ key: hex('a'), layers: Array(1025).fill(id('1')) }] },
      'steps[0].layers',
    ],
    ['too many steps (N06)', { steps: Array(20_001).fill({ key: hex('a'), layers: [] }) }, 'steps'],
    ['more layers than blobs', { layers: [id('1')] }, 'layers'],
    [
      'a digest that is none',
      { selections: [{ key: hex('a'), digests: ['x'] }] },
      'selections[0].digests[0]',
    ],
    ['a mode out of range', { mounts: [{ key: hex('a'), ...MOUNT, mode: 0o10000 }] }, 'mounts[0].mode'],
    ['an owner out of range', { mounts: [{ key: hex('a'), ...MOUNT, uid: -1 }] }, 'mounts[0].uid'],
    ['a number that is none', { mounts: [{ key: hex('a'), ...MOUNT, gid: '0' }] }, 'mounts[0].gid'],
  ])('refuses %s', (_what, change, message) => {
    const { layers } = formatContents(CONTENTS);
    expect(() => parseContents(manifestOf(layers), changed(change))).toThrow(message);
  });

  test('takes names of prototypes for nothing else (N11)', () => {
    const { layers } = formatContents(CONTENTS);
    const text = JSON.stringify(whole).replace('{', '{"__proto__":{"steps":[]},"constructor":1,');
    expect(parseContents(manifestOf(layers), Buffer.from(text)).steps.size).toBe(2);
  });

  test('knows no blob that is not a layer', () => {
    const { config, layers } = formatContents(CONTENTS);
    const odd = layers.map((layer) => ({ ...layer, mediaType: 'application/x-sh' }));
    expect(parseContents(manifestOf(odd), config).blobs.size).toBe(0);
  });
});

describe('parseInline()', () => {
  test('finds nothing in an image without one', () => {
    expect(parseInline(manifestOf([]), Buffer.from('{"rootfs":{"diff_ids":[]}}'))).toBeUndefined();
  });

  test('takes the blobs of the image for those of the layers', () => {
    const config = {
      rootfs: { type: 'layers', diff_ids: [id('1')] },
      'dev.tsbuild.cache.v1': { version: 1, steps: [{ key: hex('a'), layers: [id('1')] }] },
    };
    const read = parseInline(manifestOf([LAYER]), Buffer.from(JSON.stringify(config)))!;
    expect(read.blobs.get(id('1'))).toEqual(LAYER);
    expect(read.mounts.size).toBe(0);
  });
});
