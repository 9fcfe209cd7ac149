import { readFileSync } from 'node:fs';

/** What disks that tests mount for themselves are called in the table of mounts. */
export const TEST_DISK = 'tsbuild-test-disk';

/** The table of mounts as this process sees it, without the disks that tests which run beside this one come and go with. */
export function hostMounts(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => !line.includes(` - tmpfs ${TEST_DISK} `)).join('\n');
}
