import { expect, test } from 'vitest';
import { parsePlatform } from '../../../layers/index.ts';
import { annotationsFor, outputAnnotation, parseAnnotation } from '../../../src/api/annotations.ts';

test.each([
  ['a=b', [{ level: 'manifest', key: 'a', value: 'b' }]],
  ['com.example:a=b=c', [{ level: 'manifest', key: 'com.example:a', value: 'b=c' }]],
  [
    'index,manifest-descriptor:a=',
    [
      { level: 'index', key: 'a', value: '' },
      { level: 'manifest-descriptor', key: 'a', value: '' },
    ],
  ],
  [
    'manifest[linux/arm64]:a=b',
    [{ level: 'manifest', platform: { os: 'linux', architecture: 'arm64' }, key: 'a', value: 'b' }],
  ],
])('parseAnnotation() reads %s', (text, expected) => {
  expect(parseAnnotation(text)).toMatchObject(expected);
});

test.each([
  ['a', 'expected key=value'],
  ['=b', 'expected key=value'],
  ['index:=b', 'expected key=value'],
  ['wrong:a=b', 'unknown type "wrong"'],
  ['index[linux/amd64]:a=b', 'an index annotation has no platform'],
])('parseAnnotation() refuses %s', (text, message) => {
  expect(() => parseAnnotation(text)).toThrow(message);
});

test('outputAnnotation() reads the attributes that BuildKit has for them', () => {
  expect(outputAnnotation('annotation.a.b', 'c')).toEqual({ level: 'manifest', key: 'a.b', value: 'c' });
  expect(outputAnnotation('annotation-index.a', 'c')).toEqual({ level: 'index', key: 'a', value: 'c' });
  expect(outputAnnotation('annotation-manifest[linux/amd64].a', 'c')).toMatchObject({
    platform: { architecture: 'amd64' },
  });
  expect(outputAnnotation('compression', 'gzip')).toBeUndefined();
  expect(() => outputAnnotation('annotation-x.a', 'c')).toThrow('unknown type "x"');
});

test('annotationsFor() takes those of a level that are for all platforms or this one', () => {
  const all = ['a=1', 'manifest[linux/arm64]:a=2', 'manifest[linux/amd64]:b=3', 'index:c=4'].flatMap(
    parseAnnotation,
  );
  expect(annotationsFor(all, 'manifest', parsePlatform('linux/arm64'))).toEqual({ a: '2' });
  expect(annotationsFor(all, 'manifest', parsePlatform('linux/amd64'))).toEqual({ a: '1', b: '3' });
  expect(annotationsFor(all, 'index')).toEqual({ c: '4' });
});
