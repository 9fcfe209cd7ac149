import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../layers/index.ts';
import { placesOf } from '../../../src/registry/places.ts';
import { readRegistryRules, registriesFiles } from '../../../src/registry/registries-config.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function rulesOf(text: string) {
  const file = join(tempFolder(), 'registries.conf');
  writeFileSync(file, text);
  return readRegistryRules({ CONTAINERS_REGISTRIES_CONF: file });
}

const rules = `
unqualified-search-registries = ["docker.io"]

[[registry]]
prefix = "docker.io/library"
location = "docker.io/library"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"

[[registry]]
location = "registry.example"
insecure = true

[[registry]]
location = "registry.example/strict"
insecure = false

[[registry]]
prefix = "*.old.example"
location = "new.example/moved"

[[registry]]
location = "evil.example"
blocked = true

[[registry]]
location = "localhost:5000"
insecure = false
`;

describe('placesOf()', () => {
  const cases: [string, string, string[]][] = [
    ['busybox', 'docker.io library/busybox tls', ['mirror.example:5000 hub/busybox any']],
    ['user/app', 'docker.io user/app tls', []],
    ['registry.example/a', 'registry.example a any', []],
    ['registry.example/strict/a', 'registry.example strict/a tls', []],
    ['registry.example/strictly', 'registry.example strictly any', []],
    ['registry.example.org/a', 'registry.example.org a tls', []],
    ['a.old.example:5000/b/c', 'new.example moved/b/c tls', []],
    ['old.example/b', 'old.example b tls', []],
    ['127.0.0.1:5000/a', '127.0.0.1:5000 a plain', []],
    ['localhost:5000/a', 'localhost:5000 a tls', []],
  ];
  test.each(cases)('says where %s is', async (name, primary, mirrors) => {
    const places = placesOf(parseReference(name), await rulesOf(rules));
    const show = (place: (typeof places)['primary']) =>
      `${place.domain} ${place.repository} ${place.security}`;
    expect(show(places.primary)).toBe(primary);
    expect(places.mirrors.map(show)).toEqual(mirrors);
  });

  test('looks for digests where only they are kept', async () => {
    const reference = parseReference(`busybox@sha256:${'a'.repeat(64)}`);
    const { mirrors } = placesOf(reference, await rulesOf(rules));
    expect(mirrors.map(({ domain }) => domain)).toEqual(['mirror.example:5000', 'digests.example']);
  });

  test('refuses what is blocked', async () => {
    const parsed = await rulesOf(rules);
    expect(() => placesOf(parseReference('evil.example/a'), parsed)).toThrow(
      /registries.conf blocks evil.example/,
    );
  });
});

describe('readRegistryRules()', () => {
  test('takes the first file that is there', async () => {
    const home = tempFolder();
    const [own, shared] = registriesFiles({ XDG_CONFIG_HOME: home });
    for (const [file, location] of [
      [shared!, 'shared.example'],
      [own!, 'own.example'],
    ] as const) {
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, `[[registry]]\nlocation = "${location}"\n`);
      const [rule] = await readRegistryRules({ XDG_CONFIG_HOME: home });
      expect(rule?.prefix).toBe(location);
    }
  });

  test.each(['[[ registry ]]\nlocation = "a.example"', 'registry = [{ location = "a.example" }]'])(
    'takes it in any way that TOML has: %j',
    async (text) => {
      expect(await rulesOf(text)).toMatchObject([{ prefix: 'a.example' }]);
    },
  );

  test('takes an empty CONTAINERS_REGISTRIES_CONF for none', async () => {
    const rules = readRegistryRules({ CONTAINERS_REGISTRIES_CONF: '', XDG_CONFIG_HOME: tempFolder() });
    await expect(rules).resolves.toBeDefined();
  });

  test.each([
    ['[[registry]]\nlocation = "a"\nlocation = "b"', /Cannot use .*registries.conf: /],
    ['[[registry]]\ninsecure = true', /neither prefix nor location/],
    ['[[registry]]\nlocation = "https://a.example"', /without a scheme/],
    ['[[registry]]\nlocation = "a/../../b"', /no location|scheme/],
    ['[[registry]]\nlocation = "a"\ninsecure = "yes"', /"insecure" is neither true nor false/],
    ['[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true', /has no location/],
    ['[[registry]]\nprefix = "*.a"', /needs a location/],
  ])('says what is wrong with %j', async (text, message) => {
    await expect(rulesOf(text)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(message),
    });
  });

  test('says so when the file that is named is not there', async () => {
    const named = readRegistryRules({ CONTAINERS_REGISTRIES_CONF: '/nonexistent/file' });
    await expect(named).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
