import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetCredentials, keepCredentials } from '../../../src/registry/login.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const al = { username: 'al', password: 'pw' };
const auth = Buffer.from('al:pw').toString('base64');
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as unknown;

test('keepCredentials() makes the file for its owner alone, and leaves nothing else there', async () => {
  const folder = join(tempFolder(), 'docker');
  const { file } = await keepCredentials('a.example', al, { DOCKER_CONFIG: folder });
  expect(read(file)).toEqual({ auths: { 'a.example': { auth } } });
  expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
  expect(readdirSync(folder)).toEqual(['config.json']);
});

test('keepCredentials() changes what a link points at, with its mode and all else that it says', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'dotfiles'));
  const real = join(folder, 'dotfiles/docker.json');
  writeFileSync(real, '{"detachKeys":"ctrl-a","auths":{"b.example":{}}}', { mode: 0o640 });
  symlinkSync(real, join(folder, 'config.json'));
  await keepCredentials('a.example', al, { DOCKER_CONFIG: folder });
  expect(lstatSync(join(folder, 'config.json')).isSymbolicLink()).toBe(true);
  expect(statSync(real).mode & 0o777).toBe(0o640);
  expect(read(real)).toEqual({ detachKeys: 'ctrl-a', auths: { 'a.example': { auth }, 'b.example': {} } });
});

test('keepCredentials() writes to the file that is read when REGISTRY_AUTH_FILE names one, empty or not', async () => {
  const file = join(tempFolder(), 'auth.json');
  writeFileSync(file, '');
  const environment = { REGISTRY_AUTH_FILE: file, DOCKER_CONFIG: '/nonexistent' };
  await keepCredentials('a.example', al, environment);
  expect(read(file)).toEqual({ auths: { 'a.example': { auth } } });
  expect(await forgetCredentials('a.example', environment)).toBe(true);
  expect(read(file)).toEqual({ auths: {} });
});

test('keepCredentials() leaves a file alone that is not JSON', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'config.json'), '{ "auths": ');
  const kept = keepCredentials('a.example', al, { DOCKER_CONFIG: folder });
  await expect(kept).rejects.toMatchObject({ message: expect.stringContaining('not a JSON object') });
  expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{ "auths": ');
});
