import { readFileSync } from 'node:fs';
import type { SecretSource } from '../ops/secrets.ts';
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
      return agent && (agent.paths[0] ?? process.env.SSH_AUTH_SOCK);
    },
  };
}

function limited(id: string, value: Uint8Array): Uint8Array {
  if (value.length > LIMIT)
    throw new ApiError('BAD_REQUEST', id, `secret ${id}: ${value.length} bytes, more than ${LIMIT}`);
  return value;
}
