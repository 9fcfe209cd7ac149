import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OverlayRoot } from '../../../layers/index.ts';
import { describeContainers } from '../../support/containers.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A directory with the files given, by path. */
function layerOf(files: Readonly<Record<string, string>>): string {
  const layer = tempFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(layer, path, '..'), { recursive: true });
    writeFileSync(join(layer, path), text);
  }
  return layer;
}

function writable(lower: string[]): OverlayRoot & { readonly upper: string } {
  const home = tempFolder();
  for (const name of ['upper', 'work']) mkdirSync(join(home, name));
  return { lower, upper: join(home, 'upper'), work: join(home, 'work') };
}

describeContainers('a tree', ({ run }) => {
  test('shows the layers on top of each other, and cannot be written to', async () => {
    const root = { lower: [layerOf({ a: 'low', b: 'low' }), layerOf({ b: 'high' })] };
    const { stdout, code } = await run(
      'cat /tree/a /tree/b; touch /tree/c',
      {},
      {
        trees: [{ destination: '/tree', root, source: '/' }],
      },
    );
    expect(stdout).toBe('lowhigh');
    expect(code).not.toBe(0);
  });

  test('of a single layer, and of none, is there too', async () => {
    const trees = [
      { destination: '/one', root: { lower: [layerOf({ a: 'text' })] }, source: '/' },
      { destination: '/none', root: { lower: [] }, source: '/' },
    ];
    const { stdout } = await run('ls /one /none', {}, { trees });
    expect(stdout).toBe('/none:\n\n/one:\na\n');
  });

  test('with an upper directory takes what is written', async () => {
    const layer = layerOf({ a: 'low' });
    const root = writable([layer]);
    const trees = [{ destination: '/tree', root, source: '/' }];
    expect(await run('echo new > /tree/a', {}, { trees })).toMatchObject({ code: 0 });
    expect(readFileSync(join(root.upper, 'a'), 'utf8')).toBe('new\n');
    expect(readFileSync(join(layer, 'a'), 'utf8')).toBe('low');
  });

  test('with an upper directory alone is that directory, read-only where asked', async () => {
    const upper = layerOf({ 'sub/a': 'text' });
    const trees = [
      { destination: '/rw', root: { lower: [], upper }, source: '/' },
      { destination: '/ro', root: { lower: [], upper }, source: 'sub', readonly: true },
    ];
    const { stdout, code } = await run('touch /rw/sub/b; ls /ro; touch /ro/c', {}, { trees });
    expect(stdout).toBe('a\nb\n');
    expect(code).not.toBe(0);
    expect(readdirSync(join(upper, 'sub'))).toEqual(['a', 'b']);
  });

  test('may be a file', async () => {
    const root = { lower: [layerOf({ 'dir/file': 'text' })] };
    const trees = [{ destination: '/new/place', root, source: '/dir/file' }];
    expect(await run('cat /new/place', {}, { trees })).toMatchObject({
      stdout: 'text',
      stubs: expect.arrayContaining(['/new', '/new/place']),
    });
  });

  test('takes its source from inside the stack, whatever links say', async () => {
    const outside = layerOf({ canary: '' });
    const layer = layerOf({ 'in/file': 'inside' });
    symlinkSync('/in', join(layer, 'absolute'));
    symlinkSync(`../../../../../..${outside}`, join(layer, 'escape'));
    const treeOf = (source: string) => ({ destination: '/tree', root: { lower: [layer] }, source });
    const { stdout } = await run('cat /tree/file', {}, { trees: [treeOf('/absolute')] });
    expect(stdout).toBe('inside');
    for (const source of ['/escape', '/../../../../etc'])
      await expect(run('ls /tree', {}, { trees: [treeOf(source)] })).rejects.toThrow(/no such file/);
  });

  test('goes below the mounts that lie inside it, and into those that it lies in', async () => {
    const { stdout } = await run(
      'ls /tree /tree/inside /around/tree',
      { mounts: [mountOf('/around', { a: '' }), mountOf('/tree/inside', { b: '' })] },
      {
        trees: [
          { destination: '/tree', root: writable([layerOf({ c: '' })]), source: '/' },
          { destination: '/around/tree', root: { lower: [layerOf({ d: '' })] }, source: '/' },
        ],
      },
    );
    expect(stdout).toBe('/around/tree:\nd\n\n/tree:\nc\ninside\n\n/tree/inside:\nb\n');
  });

  test('is refused as the root, and where it would cover procfs', async () => {
    const root = { lower: [layerOf({ a: '' })] };
    for (const destination of ['/', '/proc'])
      await expect(run('true', {}, { trees: [{ destination, root, source: '/' }] })).rejects.toThrow(
        `Cannot mount at "${destination}"`,
      );
  });
});

function mountOf(destination: string, files: Readonly<Record<string, string>>) {
  return { destination, type: 'bind', source: layerOf(files), options: ['rbind', 'rw'] };
}
