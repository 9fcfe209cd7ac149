import { describe, expect, test } from 'vitest';
import { parsePorts } from '../../../src/dockerfile/expose.ts';

describe('parsePorts()', () => {
  test.each([
    ['80', ['80/tcp']],
    ['80/UDP', ['80/udp']],
    ['53/sctp', ['53/sctp']],
    ['80-82', ['80/tcp', '81/tcp', '82/tcp']],
    ['80-80/udp', ['80/udp']],
    ['8080:80', ['80/tcp']],
    ['8000-8010:80', ['80/tcp']],
    ['127.0.0.1:8080:80/tcp', ['80/tcp']],
    ['[::1]:8080:80', ['80/tcp']],
    ['::1::80', ['80/tcp']],
    ['0', ['0/tcp']],
    ['65535', ['65535/tcp']],
  ])('of %s are %j', (word, expected) => {
    expect(parsePorts(word)).toEqual(expected);
  });

  test.each([
    ['80/foo', 'invalid port: "80/foo": invalid proto: foo'],
    ['/tcp', 'invalid port: "/tcp": no port specified'],
    ['70000', 'invalid containerPort: 70000'],
    ['http', 'invalid containerPort: http'],
    ['82-80', 'invalid containerPort: 82-80'],
    ['-80', 'invalid containerPort: -80'],
    ['host:80', 'invalid hostPort: host'],
    ['1-3:80-81', 'invalid ranges specified for container and host Ports: 80-81 and 1-3'],
    ['localhost:1:80', 'invalid IP address: localhost'],
  ])('of %s: %s', (word, message) => {
    expect(() => parsePorts(word)).toThrow(message);
  });
});
