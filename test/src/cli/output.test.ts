import { closeSync, readSync } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { OwnOutput } from '../../../src/cli/output.ts';
import { libc } from '../../../src/linux/libc.ts';

/** An output that is a pipe, and what Node's stream for it is given. */
function output() {
  const [reader, writer] = libc().pipe();
  onTestFinished(() => {
    closeSync(reader);
    closeSync(writer);
  });
  const streamed: Buffer[] = [];
  let opened = 0;
  let isBroken = false;
  const own = new OwnOutput(writer, () => {
    opened++;
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        streamed.push(chunk);
        done(isBroken ? new Error('EPIPE') : null);
      },
    });
    return stream as NodeJS.WritableStream as NodeJS.WriteStream;
  });
  const read = () => {
    const chunk = Buffer.alloc(1 << 20);
    return chunk.toString('utf8', 0, readSync(reader, chunk));
  };
  const breaks = () => {
    isBroken = true;
  };
  return { own, read, breaks, opened: () => opened, streamed: () => Buffer.concat(streamed).toString() };
}

test('OwnOutput.write() opens no stream while there is a reader who keeps up', () => {
  const { own, read, opened } = output();
  own.write('größer\n');
  own.write(Buffer.from('two\n'));
  expect(read()).toBe('größer\ntwo\n');
  expect(opened()).toBe(0);
  expect(own.isTerminal).toBe(false);
});

test('OwnOutput.write() gives the stream what does not fit, and all that comes after it', () => {
  const { own, read, opened, streamed } = output();
  const text = Array.from({ length: 40_000 }, (_, index) => `${index}\n`).join('');
  own.write(text);
  const first = read();
  own.write('after');
  expect(first.length).toBeGreaterThan(0);
  expect(first + streamed()).toBe(`${text}after`);
  expect(opened()).toBe(1);
});

test('OwnOutput.pass() waits for a reader who is behind, and tells when there is none any more', async () => {
  const { own, streamed, breaks } = output();
  expect(own.pass(Buffer.from('at once'))).toBeUndefined();
  const waited = own.pass(Buffer.alloc(200_000, 'x'));
  expect(await waited).toBe(true);
  expect(streamed().endsWith('x')).toBe(true);
  breaks();
  expect(await own.pass(Buffer.from('more'))).toBe(false);
  expect(await own.pass(Buffer.from('and more'))).toBe(false);
});

test('OwnOutput.open() tells those who wait for the stream once, before anything is written to it', () => {
  const { own, streamed } = output();
  const told: string[] = [];
  own.onceOpen(() => told.push(streamed()));
  expect(told).toEqual([]);
  own.open();
  own.write('text');
  own.open();
  expect(told).toEqual(['']);
  expect(streamed()).toBe('text');
});
