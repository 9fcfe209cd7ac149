import { expect, test } from 'vitest';
import { describeContainers } from '../../support/containers.ts';

describeContainers('a read-only root', ({ run }) => {
  test('is read-only also where mount points had to be made in it', async () => {
    const files = [{ path: '/made/for/file', content: 'text\n', mode: 0o644, readonly: true }];
    const { stdout, code } = await run(
      'cat /made/for/file; touch /new 2>/dev/null || echo refused',
      { root: { path: 'rootfs', readonly: true } },
      { files },
    );
    expect({ stdout, code }).toEqual({ stdout: 'text\nrefused\n', code: 0 });
  });
});
