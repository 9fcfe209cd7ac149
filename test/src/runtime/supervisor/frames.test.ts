import { expect, test } from 'vitest';
import { FrameReader, FrameType, frame, jsonFrame } from '../../../../src/runtime/supervisor/frames.ts';

test('FrameReader.push() gives the frames back, however they are cut', () => {
  const sent = Buffer.concat([
    frame(FrameType.stdout, Buffer.from('one')),
    frame(FrameType.stdinEnd),
    jsonFrame(FrameType.exit, { code: 3 }),
  ]);
  for (const size of [1, 2, 5, 7, sent.length]) {
    const reader = new FrameReader();
    const got: [number, string][] = [];
    for (let at = 0; at < sent.length; at += size)
      for (const { type, payload } of reader.push(sent.subarray(at, at + size)))
        got.push([type, payload.toString()]);
    expect(got).toEqual([
      [FrameType.stdout, 'one'],
      [FrameType.stdinEnd, ''],
      [FrameType.exit, '{"code":3}'],
    ]);
  }
});

test('FrameReader.push() refuses a length that nobody means', () => {
  const reader = new FrameReader();
  expect(() => [...reader.push(Buffer.from([1, 0xff, 0xff, 0xff, 0xff]))]).toThrow('Cannot read a frame');
});
