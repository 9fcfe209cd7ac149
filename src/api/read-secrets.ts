import { readFileSync, statSync } from 'node:fs';
import type { SecretSource } from '../ops/secrets.ts';
import { parseSshKey, type SshKey } from '../ops/ssh-keys.ts';
import { ApiError } from './errors.ts';
import type { BuildRequest } from './types.ts';

/** Docker's limit for one secret. */
const LIMIT = 500 * 1024;

/** The request's secrets and agents, read when a step asks for them, and kept nowhere. */
export function readSecrets(request: BuildRequest): SecretSource {
  return {
    secret(id) {
      const found = request.secrets?.find((secret) => secret.id === id);
      if (found === undefined) return undefined;
      const { source } = found;
      if ('value' in source) return limited(id, source.value);
      if ('env' in source) {
        const value = process.env[source.env];
        return value === undefined ? undefined : limited(id, Buffer.from(value));
      }
      try {
        return limited(id, readFileSync(source.file));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        throw new ApiError('BAD_REQUEST', id, `secret ${id}: open ${source.file}: no such file or directory`);
      }
    },
    secretIds: (request.secrets ?? []).map(({ id }) => id),
    sshSocket(id) {
      const agent = request.ssh?.find((entry) => entry.id === id);
      return agent && agentOf(id, agent.paths);
    },
  };
}

/** A socket is an agent; files are keys to be one with. */
function agentOf(id: string, paths: readonly string[]): string | readonly SshKey[] | undefined {
  const [first, ...others] = paths;
  if (first === undefined) return process.env.SSH_AUTH_SOCK;
  const isSocket = (path: string) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  if (isSocket(first) && others.length === 0) return first;
  if (paths.some(isSocket))
    throw new ApiError('BAD_REQUEST', id, `ssh ${id}: an agent cannot go together with anything else`);
  return paths.map((path) => {
    try {
      return parseSshKey(readFileSync(path, 'utf8'));
    } catch (error) {
      const why =
        (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message;
      throw new ApiError('BAD_REQUEST', id, `ssh ${id}: cannot use the key ${path}: ${why}`);
    }
  });
}

function limited(id: string, value: Uint8Array): Uint8Array {
  if (value.length > LIMIT)
    throw new ApiError('BAD_REQUEST', id, `secret ${id}: ${value.length} bytes, more than ${LIMIT}`);
  return value;
}
