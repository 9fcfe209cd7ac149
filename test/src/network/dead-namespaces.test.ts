import { mkdirSync, openSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lockFile } from '../../../layers/index.ts';
import { removeNotesOfDeadNamespaces } from '../../../src/network/dead-namespaces.ts';
import { networkNamespace } from '../../support/commands.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log('skipped: network namespaces can be made by root only');
/** The first PID namespace, from which all processes can be seen. */
const seesAll = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
if (!seesAll) console.log('skipped: notes of dead namespaces: not all processes can be seen from here');

test.skipIf(!isRoot || !seesAll)(
  'removeNotesOfDeadNamespaces() spares those that live, that are in use, and its own',
  () => {
    const folder = tempFolder();
    const namespace = networkNamespace();
    onTestFinished(namespace.release);
    const notes = (inode: number) => {
      const name = `network-${inode}`;
      mkdirSync(join(folder, name, 'addresses'), { recursive: true });
      return name;
    };
    // Inodes of namespaces begin at 0xf0000000, beyond these.
    const [own, dead, used] = [notes(1), notes(2), notes(3)];
    const living = notes(statSync(`/proc/${namespace.pid}/ns/net`).ino);
    lockFile(openSync(join(folder, used, 'lock'), 'a'), 'exclusive');
    mkdirSync(join(folder, 'cgroups'));
    removeNotesOfDeadNamespaces(folder, own);
    expect(readdirSync(folder).sort()).toEqual(['cgroups', own, living, used].sort());
    expect(readdirSync(folder)).not.toContain(dead);
  },
);
