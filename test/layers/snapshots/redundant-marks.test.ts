import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as inode from '../../../layers/linux/inode.ts';
import { removeRedundantMarks } from '../../../layers/snapshots/redundant-marks.ts';
import { LayerDirectories } from '../../support/layer-directories.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('removeRedundantMarks() keeps only marks that hide something, at any depth', () => {
  const folder = tempFolder();
  const layers = new LayerDirectories(folder);
  onTestFinished(() => layers.pool.forgetAll());
  const make = (paths: readonly string[]) => {
    for (const path of paths) mkdirSync(join(folder, path), { recursive: true });
  };
  make(['1/hidden/sub', '1/merged/hidden', '1/merged/deeper/hidden']);
  const marked = [
    'hidden',
    'hidden/sub',
    'merged/hidden',
    'merged/deeper/hidden',
    'merged/new',
    'new',
    'new/sub/deep',
  ];
  make(marked.map((path) => `upper/${path}`));
  for (const path of marked) layers.mark(`upper/${path}`, 'trusted.overlay.opaque', 'y');
  const root = inode.openAt(inode.AT_FDCWD, join(folder, 'upper'), inode.O.DIRECTORY);
  onTestFinished(() => inode.close(root));
  removeRedundantMarks(root, layers.stack('1'), 'trusted.overlay.');
  const left = marked.filter((path) => inode.getXattr(root, path, 'trusted.overlay.opaque') !== undefined);
  expect(left).toEqual(['hidden', 'merged/hidden', 'merged/deeper/hidden']);
});
