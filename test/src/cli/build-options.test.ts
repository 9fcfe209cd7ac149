import { Command } from 'commander';
import { expect, test } from 'vitest';
import { buildNotices } from '../../../src/cli/build-notices.ts';
import { buildRequest, declareBuildOptions } from '../../../src/cli/build-options.ts';

/** Every option of `docker buildx build` and of `docker build` (28.5), with a value for those that take one. */
const DOCKERS: readonly (readonly string[])[] = [
  ['--add-host', 'a:127.0.0.1'],
  ['--allow', 'network.host'],
  ['--annotation', 'a=b'],
  ['--attest', 'type=sbom,disabled=true'],
  ['--build-arg', 'A=b'],
  ['--build-context', 'a=docker-image://b'],
  ['--builder', 'default'],
  ['--cache-from', 'type=registry,ref=a'],
  ['--cache-to', 'type=inline'],
  ['--call', 'build'],
  ['--cgroup-parent', 'a'],
  ['--check'],
  ['--compress'],
  ['--cpu-period', '100000'],
  ['--cpu-quota', '50000'],
  ['--cpu-shares', '2'],
  ['-c', '2'],
  ['--cpuset-cpus', '0'],
  ['--cpuset-mems', '0'],
  ['--debug'],
  ['-D'],
  ['--disable-content-trust'],
  ['--file', 'x'],
  ['-f', 'x'],
  ['--force-rm'],
  ['--iidfile', 'x'],
  ['--isolation', 'default'],
  ['--label', 'a=b'],
  ['--load'],
  ['--memory', '1g'],
  ['-m', '1g'],
  ['--memory-swap', '2g', '-m', '1g'],
  ['--metadata-file', 'x'],
  ['--network', 'none'],
  ['--no-cache'],
  ['--no-cache-filter', 'a'],
  ['--output', 'x'],
  ['-o', 'x'],
  ['--platform', 'linux/amd64'],
  ['--print', 'outline'],
  ['--progress', 'rawjson'],
  ['--provenance', 'false'],
  ['--pull'],
  ['--push'],
  ['--quiet'],
  ['-q'],
  ['--rm'],
  ['--sbom', 'false'],
  ['--secret', 'id=a,env=B'],
  ['--security-opt', 'x'],
  ['--shm-size', '1m'],
  ['--squash'],
  ['--ssh', 'default'],
  ['--tag', 'a'],
  ['-t', 'a'],
  ['--target', 'a'],
  ['--ulimit', 'nofile=1'],
];

/** As the command line has it after its words. */
function parsed(...words: readonly string[]) {
  const command = declareBuildOptions(new Command().exitOverride())
    .argument('<context>')
    .action(() => {});
  command.parse([...words, '.'], { from: 'user' });
  return command.opts();
}

test.each(DOCKERS)('declareBuildOptions() takes %s %s', (...words) => {
  const values = parsed(...words.filter((word) => word !== undefined));
  expect(() => buildRequest(values, '.')).not.toThrow();
  expect(() => buildNotices(values)).not.toThrow();
});

test('buildNotices() refuses a policy, which must not be passed over', () => {
  expect(() => buildNotices(parsed('--policy', 'x'))).toThrow('--policy is not supported');
});

test('buildRequest() takes SOURCE_DATE_EPOCH of the environment, unless an argument says otherwise', () => {
  const before = process.env.SOURCE_DATE_EPOCH;
  process.env.SOURCE_DATE_EPOCH = '7';
  try {
    expect(buildRequest(parsed(), '.').buildArgs).toEqual({ SOURCE_DATE_EPOCH: '7' });
    const given = parsed('--build-arg', 'SOURCE_DATE_EPOCH=');
    expect(buildRequest(given, '.').buildArgs).toEqual({ SOURCE_DATE_EPOCH: '' });
  } finally {
    if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
    else process.env.SOURCE_DATE_EPOCH = before;
  }
});

test.each([
  [['-o', 'out'], { type: 'local', dest: 'out' }],
  [['-o', '-'], { type: 'tar', dest: '-' }],
  [['-o', 'type=docker'], { type: 'image' }],
  [['-o', 'type=docker,dest=x'], { type: 'docker', dest: 'x' }],
  [['-o', 'type=registry,name=a'], { type: 'image', name: 'a', attributes: { push: 'true' } }],
  [['--push'], { type: 'image', attributes: { push: 'true' } }],
])('buildRequest() reads %j', (words, expected) => {
  expect(buildRequest(parsed(...words), '.').outputs).toMatchObject([expected]);
});
