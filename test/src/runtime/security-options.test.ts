import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seccompFor } from '../../../src/runtime/security-options.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('seccompFor() leaves a rule out that excludes any capability the container has', () => {
  const file = join(tempFolder(), 'profile.json');
  const rule = (name: string, conditions: object) => ({
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    ...conditions,
  });
  const syscalls = [
    rule('always', {}),
    rule('excluded', { excludes: { caps: ['CAP_SYS_ADMIN', 'CAP_BPF'] } }),
    rule('elsewhere', { excludes: { arches: ['s390'], caps: ['CAP_BPF'] } }),
    rule('included', { includes: { caps: ['CAP_SYS_ADMIN'] } }),
    rule('not included', { includes: { caps: ['CAP_SYS_ADMIN', 'CAP_BPF'] } }),
  ];
  writeFileSync(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }));
  const names = seccompFor([`seccomp=${file}`], ['CAP_SYS_ADMIN'], false)?.syscalls?.flatMap((r) => r.names);
  expect(names).toEqual(['always', 'elsewhere', 'included']);
});
