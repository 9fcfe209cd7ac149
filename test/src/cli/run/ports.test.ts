import { describe, expect, test } from 'vitest';
import { parseExpose, parsePublish } from '../../../../src/cli/run/ports.ts';

const tcp = (containerPort: number, first?: number, last = first, hostIp?: string) => ({
  protocol: 'tcp',
  containerPort,
  ...(hostIp && { hostIp }),
  ...(first && { hostPorts: { first, last } }),
});

describe('parsePublish()', () => {
  test.each([
    ['80', [tcp(80)]],
    ['8080:80', [tcp(80, 8080)]],
    ['0:80', [tcp(80)]],
    [':80', [tcp(80)]],
    ['127.0.0.1:8080:80', [tcp(80, 8080, 8080, '127.0.0.1')]],
    ['127.0.0.1::80', [tcp(80, undefined, undefined, '127.0.0.1')]],
    ['[::1]:8080:80/tcp', [tcp(80, 8080, 8080, '::1')]],
    ['8000-8010:80', [tcp(80, 8000, 8010)]],
    ['8000-8001:80-81', [tcp(80, 8000), tcp(81, 8001)]],
    ['80-81', [tcp(80), tcp(81)]],
    ['published=8080,target=80', [tcp(80, 8080)]],
    ['53:53/UDP', [{ protocol: 'udp', containerPort: 53, hostPorts: { first: 53, last: 53 } }]],
  ])('reads %s', (text, ports) => expect(parsePublish(text)).toEqual(ports));

  test.each([
    ['abc', 'Invalid containerPort: abc'],
    ['99999:80', 'Invalid hostPort: 99999'],
    ['8080-8070:80', 'Invalid hostPort: 8080-8070'],
    ['80-82:80-81', 'Invalid ranges specified for container and host Ports: 80-81 and 80-82'],
    ['1.2.3:80:80', 'Invalid ip address: 1.2.3'],
    ['::1:80:80', 'Invalid ip address ::1'],
    ['80:80/foo', 'Invalid proto: foo'],
    ['', 'No port specified'],
    ['8080:', 'No port specified: 8080:<empty>'],
    ['published=8080', 'No port specified: 8080:/tcp<empty>'],
    ['host=1,target=80', 'unknown key "host"'],
  ])('refuses %j', (text, message) => expect(() => parsePublish(text)).toThrow(message));
});

test('parseExpose() takes a port or a range, of any protocol', () => {
  expect(parseExpose('80')).toEqual(['80/tcp']);
  expect(parseExpose('80-81/udp')).toEqual(['80/udp', '81/udp']);
  for (const text of ['abc', '70000', '80:80', ''])
    expect(() => parseExpose(text)).toThrow('invalid range format for --expose');
});
