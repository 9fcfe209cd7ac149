import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { normaliseArguments } from '../../../../src/cli/arguments.ts';
import { DeferredOptions } from '../../../../src/cli/deferred-options.ts';
import { OptionValues } from '../../../../src/cli/option-values.ts';
import {
  declareNetworkOptions,
  networkWarnings,
  parseNetwork,
  parseNetworkOptions,
} from '../../../../src/cli/run/network-options.ts';

function options(...args: readonly string[]) {
  const command = new Command('x').exitOverride().configureOutput({ writeErr: () => {} });
  declareNetworkOptions(new DeferredOptions(command));
  command.parse(normaliseArguments(args, command, { passThrough: true }), { from: 'user' });
  return parseNetworkOptions(new OptionValues(command.opts()));
}

describe('parseNetworkOptions()', () => {
  test('says nothing of networks unless told', () => {
    const { network, networks, links } = options();
    expect([network, networks, links]).toEqual([undefined, undefined, undefined]);
  });

  test('names one network plainly, and several or more of one as a list', () => {
    expect(options('--network', 'host')).toMatchObject({ network: 'host' });
    expect(options('--network', 'host').networks).toBeUndefined();
    expect(options('--net', 'a', '--network', 'b').networks).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(
      options('--network', 'a', '--ip', '10.0.0.9', '--network-alias', 'x', '--net-alias=y'),
    ).toMatchObject({
      network: 'a',
      networks: [{ name: 'a', ipv4: '10.0.0.9', aliases: ['x', 'y'] }],
    });
  });

  test.each([
    [['--network-alias', 'x'], 'network-scoped aliases are only supported for user-defined networks'],
    [['--network', 'host', '--network-alias', 'x'], 'only supported for user-defined networks'],
    [['--mac-address', 'zz'], 'zz is not a valid mac address'],
    [['--ip', '::1'], 'write an IPv4 address'],
    [['--ip6', '10.0.0.1'], 'write an IPv6 address'],
    [['--link', 'a:b:c'], 'bad format for links: a:b:c'],
    [['-p', 'x'], 'Invalid containerPort: x'],
  ])('refuses %j', (args, message) => expect(() => options(...args)).toThrow(message));

  test('reads links with and without an alias', () => {
    expect(options('--link', 'db:d', '--link', 'web').links).toEqual([
      { container: 'db', alias: 'd' },
      { container: 'web', alias: 'web' },
    ]);
  });
});

test('parseNetwork() reads fields', () => {
  expect(
    parseNetwork('name=a,alias=x,alias=y,ip=10.0.0.2,mac-address=02-00-00-00-00-0A,gw-priority=3'),
  ).toEqual({
    name: 'a',
    aliases: ['x', 'y'],
    ipv4: '10.0.0.2',
    macAddress: '02:00:00:00:00:0a',
    gatewayPriority: 3,
  });
  expect(() => parseNetwork('name=a,foo=1')).toThrow('invalid field key foo');
  expect(() => parseNetwork('alias=1')).toThrow('network name/id is not specified');
});

test('networkWarnings() tells of ports that the host’s network makes void', () => {
  const request = { image: 'x', network: 'host', publishAll: true };
  expect(networkWarnings(request)).toHaveLength(1);
  expect(networkWarnings({ ...request, network: 'bridge' })).toEqual([]);
});
