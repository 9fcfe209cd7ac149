import { expect, test } from 'vitest';
import { LiveRegion } from '../../../../src/cli/progress/live-region.ts';
import { Screen } from '../../../support/screen.ts';

test('LiveRegion draws over its lines, and leaves nothing of longer or further ones', () => {
  const screen = new Screen();
  const region = new LiveRegion(screen);
  region.draw([], ['one longer', 'two', 'three']);
  region.draw([], ['1']);
  expect(screen.text).toBe('1');
  region.draw([], []);
  expect(screen.text).toBe('');
});

test('LiveRegion puts permanent lines above, as wide as they are', () => {
  const screen = new Screen(10);
  const region = new LiveRegion(screen);
  region.draw([], ['live 1', 'live 2']);
  region.draw(['a permanent line'], ['live 3']);
  region.draw(['b'], ['live 4']);
  expect(screen.text).toBe('a permanen\nt line\nb\nlive 4');
});

test('LiveRegion draws each frame in a single write, so that none is seen half', () => {
  const screen = new Screen();
  const region = new LiveRegion(screen);
  region.draw(['a', 'b'], ['c']);
  region.draw(['d'], []);
  expect(screen.writes).toHaveLength(2);
  region.draw([], []);
  expect(screen.writes).toHaveLength(2);
});

test('LiveRegion counts the rows that its lines take once the terminal is narrower', () => {
  const screen = new Screen(20);
  const region = new LiveRegion(screen);
  region.draw([], ['123456789012345']);
  Object.assign(screen, { columns: 10 });
  screen.writes.length = 0;
  region.draw([], ['x']);
  expect(screen.writes[0]).toContain('\x1b[2A');
});
