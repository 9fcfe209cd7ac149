import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FileLease } from '../../../layers/gc/lease.ts';
import { reclaimDeadLeases } from '../../../layers/gc/reclaim.ts';
import { digestOf } from '../../../layers/index.ts';
import { tryLockFile } from '../../../layers/linux/flock.ts';
import { tryHoldLockFile } from '../../../layers/records/key-lock.ts';
import { openRoot } from '../../../layers/store-root.ts';
import { fillUp, smallDisk } from '../../support/small-disk.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function lease() {
  const layout = openRoot(join(tempFolder(), 'store'));
  return { layout, lease: new FileLease(layout) };
}

const digest = digestOf('x');

describe('FileLease', () => {
  test('hold() notes what is there, once', () => {
    const { layout, lease: held } = lease();
    expect(held.hold('blob', digest, () => true)).toBe(true);
    expect(held.hold('blob', digest, () => true)).toBe(true);
    expect(held.hold('layer', digest, () => true)).toBe(true);
    expect(readFileSync(join(layout.leases, held.id), 'utf8')).toBe(`blob ${digest}\nlayer ${digest}\n`);
  });

  test('hold() notes nothing for what is not there, and makes no file for it', () => {
    const { layout, lease: held } = lease();
    expect(held.hold('blob', digest, () => false)).toBe(false);
    expect(readdirSync(layout.leases)).toEqual([]);
  });

  test('hold() keeps a collection out, also when nested and when it throws', () => {
    const { layout, lease: held } = lease();
    const other = openSync(layout.lock, 'a');
    const isFree = () => tryLockFile(other, 'exclusive');
    held.hold('blob', digest, () => {
      held.hold('layer', digest, () => true);
      expect(isFree()).toBe(false);
      return true;
    });
    const failing = () => {
      throw new Error('disk error');
    };
    expect(() => held.hold('blob', digestOf('y'), failing)).toThrow('disk error');
    expect(isFree()).toBe(true);
  });

  test('hold() keeps collections out where nothing can be written', async () => {
    const disk = smallDisk(1);
    if (disk === undefined) return;
    const layout = openRoot(join(disk, 'store'));
    fillUp(disk);
    const full = new FileLease(layout);
    expect(full.hold('blob', digest, () => true)).toBe(true);
    expect(full.unnoted).toEqual([`blob ${digest}\n`]);
    const other = openSync(layout.lock, 'a');
    expect(tryLockFile(other, 'exclusive')).toBe(false);
    // It may collect itself, and goes on to keep others out.
    expect(await full.exclusive(() => 'in')).toBe('in');
    expect(tryLockFile(other, 'exclusive')).toBe(false);
    full.close();
    expect(tryLockFile(other, 'exclusive')).toBe(true);
    closeSync(other);
  });

  test('exclusive() waits until nobody looks anything up', async () => {
    const { layout, lease: held } = lease();
    const other = openSync(layout.lock, 'a');
    tryLockFile(other, 'shared');
    let entered = false;
    const collection = held.exclusive(() => {
      entered = true;
      expect(tryLockFile(other, 'shared')).toBe(false);
      held.hold('blob', digest, () => true);
      expect(tryLockFile(other, 'shared')).toBe(false);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(entered).toBe(false);
    const { unlockFile } = await import('../../../layers/linux/flock.ts');
    unlockFile(other);
    await collection;
    expect(tryLockFile(other, 'exclusive')).toBe(true);
  });

  test('is never taken for a dead one while others look for those', () => {
    const { layout } = lease();
    // Between making and locking the file another may lock it first: then it is given up for another.
    const leases = Array.from({ length: 50 }, () => {
      const made = new FileLease(layout);
      made.hold('blob', digest, () => true);
      reclaimDeadLeases(layout);
      return made;
    });
    expect(readdirSync(layout.leases).sort()).toEqual(leases.map(({ id }) => id).sort());
    for (const made of leases) made.close();
    reclaimDeadLeases(layout);
    expect(readdirSync(layout.leases)).toEqual([]);
  });

  test('reclaimDeadLeases() takes the private files of the dead, and of nobody else', () => {
    const { layout, lease: living } = lease();
    const dead = new FileLease(layout);
    for (const { id } of [living, dead]) {
      mkdirSync(join(layout.active, `${id}.0/fs`), { recursive: true });
      mkdirSync(join(layout.ingest, `${id}.1`));
    }
    dead.close();
    reclaimDeadLeases(layout);
    expect(readdirSync(layout.active)).toEqual([`${living.id}.0`]);
    expect(readdirSync(layout.ingest)).toEqual([`${living.id}.1`]);
    expect(readdirSync(layout.leases)).toEqual([living.id]);
    expect(readdirSync(layout.trash)).toHaveLength(2);
  });

  test('reclaimDeadLeases() takes the lock files of the dead', () => {
    const { layout } = lease();
    const dead = new FileLease(layout);
    const held = tryHoldLockFile(join(layout.locks, 'space.held'))!;
    onTestFinished(held);
    writeFileSync(join(layout.locks, 'space.abandoned'), '');
    const { id } = dead;
    dead.close();
    reclaimDeadLeases(layout, id);
    expect(readdirSync(layout.locks).sort()).toEqual(['space.abandoned', 'space.held']);
    const killed = new FileLease(layout);
    expect(killed.id).not.toBe(id);
    killed.close();
    reclaimDeadLeases(layout, id);
    expect(readdirSync(layout.locks)).toEqual(['space.held']);
  });
});
