import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cgroupHost } from '../../../src/sandbox/cgroup-host.ts';
import { noteGroup } from '../../../src/sandbox/cgroup-journal.ts';
import { expectGroup, reclaimCgroups } from '../../../src/sandbox/cgroup-removal.ts';

describe.skipIf(process.getuid?.() !== 0)('reclaimCgroups()', () => {
  const host = cgroupHost();
  const parent = join(host.version === 1 ? host.roots.get('pids')! : host.root, 'tsbuild');
  const freezer = host.version === 1 ? host.roots.get('freezer')! : '';
  let journal: string;
  beforeAll(() => {
    journal = mkdtempSync(join(tmpdir(), 'tsbuild-journal-'));
  });
  afterAll(() => rmSync(journal, { recursive: true }));

  /** A group that nobody owns, and its note. */
  function abandoned(name: string): { group: string; note: string } {
    const group = join(parent, `test-${process.pid}-${name}`);
    const note = join(journal, name);
    mkdirSync(group, { recursive: true });
    writeFileSync(note, `${group}\n${join(parent, 'not-made-yet')}`);
    return { group, note };
  }

  /** Puts a process into a group; resolves when that has ended. */
  function occupied(group: string): Promise<unknown> {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
    return once(child, 'exit');
  }

  test('removes the groups of processes that have ended, and no others', () => {
    const { group, note } = abandoned('dead');
    const living = join(parent, `test-${process.pid}-living`);
    const noted = noteGroup([living], journal);
    mkdirSync(living);
    reclaimCgroups(journal);
    expect([existsSync(group), existsSync(note)]).toEqual([false, false]);
    expect(existsSync(living)).toBe(true);
    rmdirSync(living);
    noted.forget();
  });

  test('kills what is in them, and removes them at once', async () => {
    const { group } = abandoned('killed');
    const ended = occupied(group);
    reclaimCgroups(journal);
    expect(existsSync(group)).toBe(false);
    await ended;
  });

  test('kills and removes what is in groups below them', async () => {
    const { group } = abandoned('nested');
    mkdirSync(join(group, 'inner/most'), { recursive: true });
    const ended = occupied(join(group, 'inner/most'));
    reclaimCgroups(journal);
    expect(existsSync(group)).toBe(false);
    await ended;
  });

  test.skipIf(host.version !== 1)('kills what is frozen', async () => {
    const group = join(freezer, `tsbuild/test-${process.pid}-frozen`);
    mkdirSync(group, { recursive: true });
    writeFileSync(join(journal, 'frozen'), group);
    const ended = occupied(group);
    writeFileSync(join(group, 'freezer.state'), 'FROZEN');
    reclaimCgroups(journal);
    expect(existsSync(group)).toBe(false);
    await ended;
  });

  test.skipIf(host.version !== 1)('leaves to the next call what cannot go yet', async () => {
    const above = join(freezer, `tsbuild/test-${process.pid}-above`);
    const group = join(above, 'busy');
    const note = join(journal, 'busy');
    mkdirSync(group, { recursive: true });
    writeFileSync(note, group);
    const ended = occupied(group);
    // What is frozen by a group above does not die.
    writeFileSync(join(above, 'freezer.state'), 'FROZEN');
    reclaimCgroups(journal);
    expect([existsSync(group), existsSync(note)]).toEqual([true, true]);
    writeFileSync(join(above, 'freezer.state'), 'THAWED');
    await ended;
    reclaimCgroups(journal);
    expect([existsSync(group), existsSync(note)]).toEqual([false, false]);
    rmdirSync(above);
  });

  test('leaves alone what another process has made again, and forgets that it was abandoned', () => {
    const { group, note } = abandoned('again');
    const noted = noteGroup([group], journal);
    reclaimCgroups(journal);
    expect([existsSync(group), existsSync(note)]).toEqual([true, false]);
    rmdirSync(group);
    noted.forget();
  });
});

describe.skipIf(process.getuid?.() !== 0)('expectGroup()', () => {
  const host = cgroupHost();
  const roots = host.version === 1 ? [...new Set(host.roots.values())] : [host.root];

  test('has the group of another runtime ended and removed, in all hierarchies', async () => {
    const name = `tsbuild/test-${process.pid}-expected`;
    const directories = roots.map((root) => join(root, name));
    const end = expectGroup(name);
    for (const directory of directories) mkdirSync(directory, { recursive: true });
    reclaimCgroups();
    expect(directories.filter((directory) => !existsSync(directory))).toEqual([]);
    await end();
    expect(directories.filter(existsSync)).toEqual([]);
  });

  test('has what is in groups below it ended too', async () => {
    const name = `tsbuild/test-${process.pid}-deep`;
    const inner = join(roots[0]!, name, 'inner');
    const end = expectGroup(name);
    mkdirSync(inner, { recursive: true });
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    writeFileSync(join(inner, 'cgroup.procs'), String(child.pid));
    const ended = once(child, 'exit');
    await end();
    expect(existsSync(inner)).toBe(false);
    await ended;
  });

  test('does not mind a group that the runtime has removed, or never made', async () => {
    await expectGroup(`tsbuild/test-${process.pid}-absent`)();
  });
});
