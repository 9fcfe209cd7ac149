import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { ContainerStreams } from '../../../../src/runtime/supervisor/output.ts';
import type { RunningProcess } from '../../../../src/sandbox/sandbox.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A process that puts out what is written to `output`, and ends when it is told to. */
function fakeProcess() {
  const output = new PassThrough();
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const process: RunningProcess = {
    pid: 1,
    stdout: output,
    stubs: [],
    resize() {},
    kill() {},
    ended,
    wait: () => new Promise(() => {}),
  };
  return { process, output, end };
}

/** The supervisor's end of a connection that nobody reads from. */
async function unreadSocket(): Promise<Socket> {
  const server = createServer();
  const path = join(tempFolder(), 'socket');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = connect(path);
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

test('ContainerStreams has a container wait for who does not read, and its end does not', async () => {
  const streams = new ContainerStreams(undefined);
  const { process, output, end } = fakeProcess();
  streams.attach({ socket: await unreadSocket(), stdin: false, stdout: true, stderr: true });
  streams.connect(process);
  output.write(Buffer.alloc(2 ** 21));
  await vi.waitFor(() => expect(output.isPaused()).toBe(true));
  output.end('the rest');
  end();
  await streams.ended();
  expect(output.readableLength).toBe(0);
});

test('ContainerStreams.ended() does not wait for ever for output that something else holds open', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const streams = new ContainerStreams(undefined);
  const { process, output, end } = fakeProcess();
  streams.connect(process);
  output.write('last words');
  end();
  await process.ended;
  await vi.advanceTimersByTimeAsync(2000);
  await streams.ended();
  expect(output.destroyed).toBe(true);
});
