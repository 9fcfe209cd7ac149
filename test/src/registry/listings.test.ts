import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseReference } from '../../../layers/index.ts';
import { openFetcher } from '../../../src/registry/open-fetcher.ts';
import type { Fetcher } from '../../../src/registry/registry.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';

let registry: RegistryServer;
let fetcher: Fetcher;
beforeEach(async () => {
  registry = await startRegistry();
  fetcher = await openFetcher(parseReference(`${registry.host}/a/b`), {
    environment: { HOME: '/nonexistent' },
    retryDelay: 1,
  });
});
afterEach(async () => {
  fetcher.close();
  await registry[Symbol.asyncDispose]();
});

test('Fetcher.tags() follows the pages of the listing to its end', async () => {
  for (const tag of ['1', '2', '3', 'latest', 'z']) publish(registry, 'a/b', tag, sampleImage());
  expect(await fetcher.tags()).toEqual(['1', '2', '3', 'latest', 'z']);
  expect(registry.requests).toHaveLength(3);
});

test('Fetcher.tags() leaves out what is no tag', async () => {
  registry.script = (_, response) => {
    response.end(JSON.stringify({ tags: ['ok', '../../x', 'a b', 7, ''] }));
    return true;
  };
  expect(await fetcher.tags()).toEqual(['ok']);
});

test('Fetcher.tags() takes a page of very many', async () => {
  const tags = `{"tags":[${'"x",'.repeat(1_000_000)}"x"]}`;
  registry.script = (_, response) => {
    response.end(tags);
    return true;
  };
  expect(await fetcher.tags()).toHaveLength(1_000_001);
});

test.each([
  ['at another host (N04)', '<http://169.254.169.254/x>; rel="next"', 'INVALID_RESPONSE'],
  ['nowhere', '<http://[>; rel="next"', 'INVALID_RESPONSE'],
  ['in a circle', '</v2/a/b/tags/list>; rel="next"', 'LIMIT_EXCEEDED'],
])('Fetcher.tags() fails when the listing goes on %s', async (_, link, code) => {
  registry.script = (request, response) => {
    response.writeHead(200, { link }).end('{"tags":["x"]}');
    return request.url !== undefined;
  };
  await expect(fetcher.tags()).rejects.toMatchObject({ code });
});

test.each(['[]', '{"tags":{}}', 'no'])(
  'Fetcher.tags() does not take %s for a list without tags',
  async (body) => {
    registry.script = (_, response) => {
      response.end(body);
      return true;
    };
    const tags = fetcher.tags();
    if (body === '[]') expect(await tags).toEqual([]);
    else await expect(tags).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
  },
);
