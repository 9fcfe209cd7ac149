import { expect, test } from 'vitest';
import type { PublishedPort } from '../../../src/network/publish.ts';
import type { ContainerOptions } from '../../../src/runtime/container-options.ts';
import type { ContainerState } from '../../../src/runtime/container-state.ts';
import { portBindings, portMap, portsText, requestedPorts } from '../../../src/runtime/ports.ts';

function state(
  ports: readonly PublishedPort[],
  exposed: readonly string[] = [],
  options: ContainerOptions = {},
): ContainerState {
  return {
    status: 'running',
    config: { ExposedPorts: Object.fromEntries(exposed.map((name) => [name, {}])) },
    options,
    network: { endpoints: [], ports },
  } as unknown as ContainerState;
}

const both = (containerPort: number, hostPort: number, protocol: 'tcp' | 'udp' = 'tcp'): PublishedPort[] =>
  ['0.0.0.0', '::'].map((hostIp) => ({ protocol, containerPort, hostIp, hostPort }));

test('portsText() shows ranges as one, each address for itself, then what is only exposed', () => {
  expect(portsText(state(both(80, 8080)))).toBe('0.0.0.0:8080->80/tcp, [::]:8080->80/tcp');
  expect(portsText(state([...both(80, 8000), ...both(81, 8001)]))).toBe(
    '0.0.0.0:8000-8001->80-81/tcp, [::]:8000-8001->80-81/tcp',
  );
  expect(portsText(state(both(53, 53, 'udp'), ['80', '81/tcp', '53/udp']))).toBe(
    '0.0.0.0:53->53/udp, [::]:53->53/udp, 80-81/tcp',
  );
  expect(portsText({ ...state(both(80, 8080)), status: 'exited' })).toBe('');
});

test('portMap() has Docker’s form, null for what is only exposed, and nothing once it has ended', () => {
  expect(portMap(state(both(80, 8080), ['90']))).toEqual({
    '90/tcp': null,
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ],
  });
  expect(portMap({ ...state(both(80, 8080)), status: 'exited' })).toEqual({});
});

test('portBindings() shows what was asked for', () => {
  const port = { protocol: 'tcp', containerPort: 80 } as const;
  expect(portBindings({ ports: [port] })).toEqual({ '80/tcp': [{ HostIp: '', HostPort: '' }] });
  expect(portBindings({ ports: [{ ...port, hostIp: '::1', hostPorts: { first: 1, last: 2 } }] })).toEqual({
    '80/tcp': [{ HostIp: '::1', HostPort: '1-2' }],
  });
});

test('requestedPorts() adds what is exposed when all is to be published, each once', () => {
  const ports = [{ protocol: 'tcp', containerPort: 80, hostPorts: { first: 1, last: 1 } }] as const;
  const options = { ports, publishAll: true, exposedPorts: ['80/tcp', '90/udp'] };
  expect(requestedPorts(state([], ['80/tcp', '91'], options))).toEqual([
    ...ports,
    { protocol: 'tcp', containerPort: 91 },
    { protocol: 'udp', containerPort: 90 },
  ]);
  expect(requestedPorts(state([], ['91'], { ports }))).toEqual(ports);
});
