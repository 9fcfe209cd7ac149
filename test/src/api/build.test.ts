import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { build } from '../../../src/api/build.ts';
import type { BuildRequest } from '../../../src/api/types.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Builds a Dockerfile that needs no image; resolves with its warnings and its failure. */
async function built(text: string, request: Partial<BuildRequest> = {}) {
  const building = build({
    context: undefined,
    dockerfile: { text },
    storeRoot: join(tempFolder(), 'store'),
    ...request,
  });
  const warnings: string[] = [];
  for await (const event of building) if (event.kind === 'warning') warnings.push(event.short);
  const error = await building.result.then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  return { warnings, error: error?.message };
}

describe('build()', () => {
  const dockerfile = 'FROM scratch AS One\nENV a b\n';

  test('reports what the build checks find, in the order of the file', async () => {
    expect(await built(dockerfile)).toEqual({
      warnings: [
        "StageNameCasing: Stage name 'One' should be lowercase (line 1)",
        'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)',
      ],
      error: undefined,
    });
  });

  test('fails for findings where the file asks for it, and reports them all the same', async () => {
    const { warnings, error } = await built(`# check=error=true\n${dockerfile}`);
    expect(warnings).toHaveLength(2);
    expect(error).toBe('lint violation found for rules: StageNameCasing, LegacyKeyValueFormat');
  });

  test('takes BUILDKIT_DOCKERFILE_CHECK in place of what the file says', async () => {
    const skipping = { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'skip=all' } };
    expect(await built(`# check=error=true\n${dockerfile}`, skipping)).toEqual({
      warnings: [],
      error: undefined,
    });
    const failing = { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'skip=StageNameCasing;error=true' } };
    expect((await built(dockerfile, failing)).error).toBe(
      'lint violation found for rules: LegacyKeyValueFormat',
    );
  });

  test('reports findings also when the Dockerfile has a mistake further on', async () => {
    const { warnings, error } = await built('FROM scratch AS One\nCOPY --from=7 a b\n');
    expect(warnings).toEqual(["StageNameCasing: Stage name 'One' should be lowercase (line 1)"]);
    expect(error).toBe('invalid stage index 7');
  });
});
