import { statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { forwardAgent } from '../../../src/ops/agent-socket.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Answers what it is sent in capitals. */
async function agentAt(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (data) => socket.write(data.toString().toUpperCase())).on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return server;
}

function ask(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(text));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.end();
    });
    socket.once('error', reject).once('close', () => reject(new Error('closed')));
  });
}

const access = { mode: 0o640, uid: process.getuid!(), gid: process.getgid!() };

test('forwardAgent() passes on what is said, to several at once', async () => {
  const folder = tempFolder();
  await agentAt(join(folder, 'own'));
  const forwarded = await forwardAgent(join(folder, 'own'), folder, access);
  expect(statSync(forwarded.path).mode & 0o777).toBe(0o640);
  expect(await Promise.all([ask(forwarded.path, 'one'), ask(forwarded.path, 'two')])).toEqual(['ONE', 'TWO']);
  forwarded.close();
  forwarded.close();
  await expect(ask(forwarded.path, 'three')).rejects.toThrow();
});

test('forwardAgent() breaks off, when no agent answers or when it is closed', async () => {
  const folder = tempFolder();
  const nobody = await forwardAgent(join(folder, 'none'), folder, access);
  await expect(ask(nobody.path, 'x')).rejects.toThrow();
  nobody.close();
  await expect(forwardAgent('/x', join(folder, 'missing'), access)).rejects.toMatchObject({ code: 'ENOENT' });
});
