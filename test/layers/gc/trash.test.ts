import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { emptyTrash, removal } from '../../../layers/gc/trash.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function trashWithOutside() {
  const folder = tempFolder();
  mkdirSync(join(folder, 'trash'));
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside/canary'), 'alive');
  return { trash: join(folder, 'trash'), outside: join(folder, 'outside') };
}

describe('emptyTrash()', () => {
  test('deletes everything, whatever its kind, name or mode', async () => {
    const { trash, outside } = trashWithOutside();
    mkdirSync(join(trash, 'a/b/c'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${trash}/a/`), Buffer.from([0xff, 0xfe, 0x0a])]), '');
    execFileSync('mkfifo', [join(trash, 'a/pipe')]);
    symlinkSync(outside, join(trash, 'a/link'));
    symlinkSync(outside, join(trash, 'link'));
    writeFileSync(join(trash, 'file'), '');
    mkdirSync(join(trash, 'closed/inner'), { recursive: true, mode: 0o700 });
    execFileSync('chmod', ['000', join(trash, 'closed/inner'), join(trash, 'closed')]);
    await emptyTrash(trash);
    expect(readdirSync(trash)).toEqual([]);
    expect(readFileSync(join(outside, 'canary'), 'utf8')).toBe('alive');
  });

  test('deletes trees deeper than any path may be', async () => {
    const { trash } = trashWithOutside();
    const dig = `for (let n = 0; n < 1000; n++) { fs.mkdirSync('directory'); process.chdir('directory'); }`;
    execFileSync(process.execPath, ['-e', dig], { cwd: trash, env: {} });
    await emptyTrash(trash);
    expect(readdirSync(trash)).toEqual([]);
  });

  test('is not disturbed by another that deletes at the same time', async () => {
    const { trash } = trashWithOutside();
    for (let folder = 0; folder < 30; folder++) {
      mkdirSync(join(trash, `${folder}`));
      for (let file = 0; file < 30; file++) writeFileSync(join(trash, `${folder}/${file}`), '');
    }
    const [a, b] = [removal(trash), removal(trash)];
    for (let done = 0; done < 2; ) done = Number(a.next().done) + Number(b.next().done);
    expect(readdirSync(trash)).toEqual([]);
  });
});

describe('removal()', () => {
  test('can be given up at any step, and closes what it had open', () => {
    const { trash } = trashWithOutside();
    mkdirSync(join(trash, 'a/b/c/d'), { recursive: true });
    const before = readdirSync('/proc/self/fd').length;
    const steps = removal(trash);
    for (let count = 0; count < 4; count++) steps.next();
    expect(readdirSync('/proc/self/fd').length).toBeGreaterThan(before);
    steps.return();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    expect(existsSync(join(trash, 'a'))).toBe(true);
  });
});
