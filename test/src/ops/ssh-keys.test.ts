import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { forwardAgent } from '../../../src/ops/agent-socket.ts';
import { answerTo } from '../../../src/ops/key-agent.ts';
import { parseSshKey } from '../../../src/ops/ssh-keys.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const hasKeygen = existsSync('/usr/bin/ssh-keygen') && existsSync('/usr/bin/ssh-add');
if (!hasKeygen) console.log('skipped: keys of OpenSSH: there is no ssh-keygen(1)');

function generate(...options: readonly string[]): string {
  const file = join(tempFolder(), 'key');
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', '', '-f', file, ...options]);
  return file;
}

test.skipIf(!hasKeygen).each([
  ['-t', 'ed25519'],
  ['-t', 'rsa', '-b', '2048'],
  ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  ['-t', 'ecdsa', '-b', '256'],
  ['-t', 'ecdsa', '-b', '384', '-m', 'PKCS8'],
  ['-t', 'ecdsa', '-b', '521'],
])('parseSshKey() signs as OpenSSH wants it: %s %s %s %s %s', async (...options) => {
  const file = generate(...options.filter((option) => option !== undefined));
  const key = parseSshKey(readFileSync(file, 'utf8'));
  expect(readFileSync(`${file}.pub`, 'utf8').split(' ')[1]).toBe(key.blob.toString('base64'));
  const folder = tempFolder();
  const agent = await forwardAgent([key], folder, { mode: 0o600, uid: 0, gid: 0 });
  onTestFinished(() => agent.close());
  // ssh-add -T signs with the agent's key, and verifies that by the public one.
  const env = { ...process.env, SSH_AUTH_SOCK: agent.path };
  const tested = spawn('ssh-add', ['-T', `${file}.pub`], { env, stdio: 'ignore' });
  expect(await new Promise((resolve) => tested.on('close', resolve))).toBe(0);
});

test.skipIf(!hasKeygen)('parseSshKey() refuses a key that a passphrase protects', () => {
  for (const format of [[], ['-m', 'PEM'], ['-m', 'PKCS8']]) {
    const file = join(tempFolder(), 'key');
    spawnSync('ssh-keygen', ['-q', '-N', 'secret', '-t', 'ecdsa', '-f', file, ...format]);
    expect(() => parseSshKey(readFileSync(file, 'utf8'))).toThrow('a passphrase protects it');
  }
});

test('parseSshKey() refuses what is no key', () => {
  const broken = `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from('openssh-key-v1\0\0\0').toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
  for (const text of ['', 'ssh-ed25519 AAAA', broken]) {
    expect(() => parseSshKey(text)).toThrow('it is no private key that can be read');
  }
});

test.each([
  Buffer.alloc(0),
  Buffer.from([17, 0, 0]),
  Buffer.from([13]),
  Buffer.from([13, 255, 255, 255, 255]),
])('answerTo() fails for messages it does not know, or cannot read: %j', (message) => {
  expect(answerTo(message, [])).toEqual(Buffer.from([5]));
});
