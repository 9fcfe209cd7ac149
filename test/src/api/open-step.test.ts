import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../../src/api/build.ts';
import type { BuildError } from '../../../src/api/build-error.ts';
import { importImage } from '../../../src/api/image-commands.ts';
import type { OpenStep } from '../../../src/api/open-step.ts';
import { busyboxTar, rootfsProblem } from '../../support/busybox-rootfs.ts';
import { lastingFolder, tempFolder } from '../../support/temp-folder.ts';

if (rootfsProblem !== undefined) console.log(`skipped: failed steps: ${rootfsProblem}`);
describe.skipIf(rootfsProblem !== undefined)('build() with onFailedStep', () => {
  const { path: storeRoot, remove } = lastingFolder();
  beforeAll(() =>
    importImage(Readable.from([busyboxTar()]), {
      storeRoot,
      tag: 'busybox',
      config: { Env: ['PATH=/bin'] },
    }),
  );
  afterAll(remove);

  /** Builds to its failure, and has `visit` look at the step. */
  async function failing(dockerfile: string, visit: (step: OpenStep) => Promise<void>): Promise<BuildError> {
    const building = build({
      context: tempFolder(),
      dockerfile: { text: `FROM busybox\n${dockerfile}` },
      network: 'none',
      storeRoot,
      onFailedStep: visit,
    });
    return building.result.then(
      () => expect.unreachable('the build did not fail'),
      (reason: unknown) => reason as BuildError,
    );
  }

  const output = async (step: OpenStep, script: string) => {
    const running = await step.start([step.shell, '-c', script], { kind: 'pipes', stdin: 'null' });
    const [said, status] = await Promise.all([text(running.stdout!), running.wait()]);
    return `${said}${status.code}`;
  };

  test('opens what the command left, as the command had it, more than once', async () => {
    const seen: string[] = [];
    const dockerfile = `ENV A=1
WORKDIR /work
RUN mkdir -m 777 /left && chmod 777 .
USER user
RUN --mount=type=cache,target=/cache,uid=1000 --mount=type=tmpfs,target=/gone echo x > /left/file; echo y > /cache/file; echo z > /gone/file; exit 7
`;
    const error = await failing(dockerfile, async (step) => {
      seen.push(step.error.message, step.error.step.name);
      seen.push(await output(step, 'id -u; pwd; echo $A; cat /left/file /cache/file; ls /gone; exit 3'));
      seen.push(await output(step, 'ls /left'));
    });
    expect(seen).toEqual([
      expect.stringMatching(/^process .* did not complete successfully: exit code: 7$/),
      expect.stringMatching(/^\[4\/4\] RUN --mount=type=cache/),
      '1000\n/work\n1\nx\ny\n3',
      'file\n0',
    ]);
    expect(error.message).toBe(seen[0]);
  });

  test("offers the stage's own shell", async () => {
    let shell = '';
    const visit = async (step: OpenStep) => {
      shell = step.shell;
    };
    await failing('SHELL ["/bin/ash", "-e", "-c"]\nRUN false\n', visit);
    expect(shell).toBe('/bin/ash');
    await failing('RUN ["false"]\n', visit);
    expect(shell).toBe('/bin/sh');
  });

  test('is called once, and not for steps that are no command', async () => {
    let calls = 0;
    const visit = async () => {
      calls++;
    };
    await failing('COPY nothing /\n', visit);
    expect(calls).toBe(0);
    const two = 'RUN sleep 0.2; false\nFROM busybox AS other\nRUN sleep 0.2; exit 2\nFROM busybox\n';
    await failing(`${two}COPY --from=0 /a /b\nCOPY --from=other /a /b\n`, visit);
    expect(calls).toBe(1);
  });

  test('leaves nothing of the step behind', async () => {
    await failing('RUN echo kept > /marker; false\n', async (step) => {
      await output(step, 'true');
    });
    const cause = (await failing('RUN cat /marker; false\n', async () => {})) as BuildError;
    expect(cause.step.output.lines.join()).toContain("can't open '/marker'");
  });
});
