import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launch } from '../../../src/sandbox/launch.ts';
import { describeContainers, text } from '../../support/containers.ts';
import { shellSpec } from '../../support/specs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

describeContainers('wireStreams()', ({ root, mechanism }) => {
  test('hands on descriptors and makes pipes, stream by stream', async () => {
    const path = join(tempFolder(), 'out');
    const fd = openSync(path, 'w');
    const running = await launch(shellSpec('cat; echo problem >&2'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'fds', stdin: 'pipe', stdout: fd, stderr: 'pipe' },
    });
    closeSync(fd);
    expect(running.stdout).toBeUndefined();
    running.stdin!.end('hello\n');
    expect(await text(running.stderr!)).toBe('problem\n');
    expect(await running.wait()).toMatchObject({ code: 0 });
    expect(readFileSync(path, 'utf8')).toBe('hello\n');
  });
});
