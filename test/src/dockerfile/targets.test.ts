import { expect, test } from 'vitest';
import { listTargets } from '../../../src/dockerfile/targets.ts';

test('listTargets() lists stages as they are written, the last as the default', () => {
  const text =
    '# Base common\nFROM --platform=$BUILDPLATFORM a:$V AS Base\n# no name\nFROM scratch\nFROM base \\\n AS end\n';
  expect(listTargets({ file: 'Dockerfile', text })).toEqual([
    {
      name: 'base',
      default: false,
      description: 'common',
      base: 'a:$V',
      platform: '$BUILDPLATFORM',
      range: { start: 2, end: 2 },
    },
    { default: false, base: 'scratch', range: { start: 4, end: 4 } },
    { name: 'end', default: true, base: 'base', range: { start: 5, end: 6 } },
  ]);
});
