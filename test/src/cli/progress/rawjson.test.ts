import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { rawJsonView } from '../../../../src/cli/progress/rawjson.ts';

const decode = (base64: string) => Buffer.from(base64, 'base64').toString();

test("rawJsonView() writes a warning as BuildKit's solve status has it", async () => {
  const output = new PassThrough();
  rawJsonView(output).show({
    kind: 'warning',
    short: 'Rule: text (line 2)',
    detail: ['about the rule'],
    url: 'https://example.test/',
    source: { file: 'Dockerfile', text: 'FROM a\n', ranges: [{ start: 2, end: 3 }] },
  });
  output.end();
  const [warning] = JSON.parse(await text(output)).warnings;
  expect(warning).toMatchObject({ level: 1, url: 'https://example.test/' });
  expect(decode(warning.short)).toBe('Rule: text (line 2)');
  expect(warning.detail.map(decode)).toEqual(['about the rule']);
  expect(warning.sourceInfo).toMatchObject({ filename: 'Dockerfile', language: 'Dockerfile' });
  expect(decode(warning.sourceInfo.data)).toBe('FROM a\n');
  expect(warning.range).toEqual([{ start: { line: 2 }, end: { line: 3 } }]);
});
