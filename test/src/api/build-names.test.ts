import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { build } from '../../../src/api/build.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('build() refuses a tag that is no name before it does anything', async () => {
  const storeRoot = join(tempFolder(), 'store');
  const dockerfile = { text: 'FROM scratch\n' };
  const { result } = build({ context: undefined, dockerfile, tags: ['BAD'], storeRoot });
  await expect(result).rejects.toMatchObject({ code: 'INVALID_REFERENCE' });
  expect(existsSync(storeRoot)).toBe(false);
});
