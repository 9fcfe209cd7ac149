import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { foreignProgram } from '../../../src/runtime/foreign-program.ts';
import { MemoryTree } from '../../support/memory-tree.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** The beginning of a program of elf(5). */
function elf(machine: number): { content: Buffer } {
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(machine, 18);
  return { content: header };
}

const [own, other, otherName] = process.arch === 'arm64' ? [183, 62, 'amd64'] : [62, 183, 'arm64'];
const tree = new MemoryTree({
  '/bin/sh': { target: 'busybox' },
  '/bin/busybox': elf(other),
  '/bin/own': elf(own),
  '/usr/bin/tool': elf(other),
  '/script': '#!/bin/sh\n',
});
const nowhere = '/nonexistent';

test('foreignProgram() finds what is for another architecture, by path or through PATH', () => {
  expect(foreignProgram(tree, '/bin/sh', [], nowhere)).toMatchObject({
    program: '/bin/sh',
    platform: `linux/${otherName}`,
  });
  expect(foreignProgram(tree, 'tool', ['PATH=/bin:/usr/bin'], nowhere)?.program).toBe('/usr/bin/tool');
});

test.each(['/bin/own', '/script', '/missing', 'missing', ''])(
  'foreignProgram() has nothing to say about %j',
  (command) => {
    expect(foreignProgram(tree, command, ['PATH=/bin'], nowhere)).toBeUndefined();
  },
);

test('foreignProgram() tells how this machine would come to run it', () => {
  const register = tempFolder();
  const name = otherName === 'arm64' ? 'qemu-aarch64' : 'qemu-x86_64';
  const hint = (entry?: string) => {
    if (entry !== undefined) writeFileSync(join(register, name), entry);
    return foreignProgram(tree, '/bin/sh', [], register)?.hint;
  };
  expect(hint()).toContain('apt-get install qemu-user-static');
  expect(hint('disabled\ninterpreter /usr/bin/qemu\nflags: F\n')).toContain(`echo 1 > ${register}/${name}`);
  expect(hint('enabled\ninterpreter /usr/bin/qemu\nflags: OC\n')).toContain('register it with the flag F');
  expect(hint('enabled\ninterpreter /usr/bin/qemu\nflags: OCF\n')).toContain('did not run it');
});
