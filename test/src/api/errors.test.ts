import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { build } from '../../../src/api/build.ts';
import { describeBuildError, describeWarnings } from '../../../src/api/describe.ts';
import { importImage } from '../../../src/api/image-commands.ts';
import type { BuildRequest } from '../../../src/api/types.ts';
import type { WarningEvent } from '../../../src/progress/events.ts';
import { busyboxTar, rootfsProblem } from '../../support/busybox-rootfs.ts';
import { lastingFolder } from '../../support/temp-folder.ts';

const repository = resolve(import.meta.dirname, '../../..');
const folder = join(repository, 'fixtures/errors');
const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Stands in for Debian: an apt-get that says what the real one says of this list of packages. */
const debian = `FROM busybox
COPY --chmod=755 <<"END" /bin/apt-get
#!/bin/sh
if [ "$1" = update ]; then
  echo 'Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]'
  echo 'Get:2 http://deb.debian.org/debian bookworm/main amd64 Packages [8790 kB]'
  echo 'Get:3 http://deb.debian.org/debian bookworm/main Translation-en [6107 kB]'
  echo 'Fetched 15.0 MB in 3s (5559 kB/s)'
  echo 'Reading package lists...'
else
  echo 'Reading package lists...'
  echo 'Building dependency tree...'
  echo 'Reading state information...'
  echo 'E: Unable to locate package libssl-deb'
  exit 100
fi
END
`;

/** What a person sees of a build that fails, after its progress. */
async function screen(request: BuildRequest): Promise<string> {
  const building = build(request);
  const warnings: WarningEvent[] = [];
  for await (const event of building) if (event.kind === 'warning') warnings.push(event);
  const error = await building.result.then(
    () => new Error('the build did not fail'),
    (reason: unknown) => reason as Error,
  );
  return `${describeWarnings(warnings, { colour: false, expand: false })}${await describeBuildError(error, { colour: false })}\n`;
}

/** Without what differs from run to run. */
function settled(text: string): string {
  return text
    .replace(/^LOG: .*$/m, 'LOG: /var/lib/tsbuild/logs/20260102T030405678-0123456789ab.log')
    .replace(/(: biuld: |^ERROR: biuld: )[^;]*;/m, '$1Cannot reach registry-1.docker.io: no such host;');
}

if (rootfsProblem !== undefined) console.log(`skipped: texts of errors: ${rootfsProblem}`);
describe.skipIf(rootfsProblem !== undefined)('the text of an error', () => {
  const { path: storeRoot, remove } = lastingFolder();
  beforeAll(async () => {
    // Nothing is to be found in any registry.
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1');
    await importImage(Readable.from([busyboxTar()]), {
      storeRoot,
      tag: 'busybox',
      config: { Env: ['PATH=/bin'] },
    });
    const request = { storeRoot, context: undefined, dockerfile: { text: debian } };
    await build({ ...request, tags: ['debian:bookworm-slim'] }).result;
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await remove();
  });

  test.each(cases)('is as kept, for %s', async (name) => {
    const context = join(folder, name, 'context');
    const text = readFileSync(join(context, 'Dockerfile'), 'utf8');
    const shown = settled(await screen({ storeRoot, context, dockerfile: { text }, network: 'none' }));
    await expect(shown).toMatchFileSnapshot(join(folder, name, 'tsbuild.txt'));
  });
});

test.each(cases)('docs/errors.md shows %s as it is', (name) => {
  const page = readFileSync(join(repository, 'docs/errors.md'), 'utf8');
  const block = (language: string, file: string) =>
    `\`\`\`${language}\n${readFileSync(join(folder, name, file), 'utf8')}\`\`\`\n`;
  expect(page).toContain(block('dockerfile', 'context/Dockerfile'));
  expect(page).toContain(block('', 'tsbuild.txt'));
  expect(page).toContain(block('', 'docker.txt'));
});
