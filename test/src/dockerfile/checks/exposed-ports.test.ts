import { expect, test } from 'vitest';
import { defaultCheckConfig } from '../../../../src/dockerfile/checks/config.ts';
import { checkPorts } from '../../../../src/dockerfile/checks/exposed-ports.ts';
import { FindingList } from '../../../../src/dockerfile/checks/finding-list.ts';
import { parseDockerfile } from '../../../../src/dockerfile/parse.ts';

function check(ports: string[]): string[] {
  const { instructions } = parseDockerfile({ file: 'Dockerfile', text: 'FROM scratch\nEXPOSE 1' });
  const list = new FindingList(defaultCheckConfig);
  for (const instruction of instructions)
    if (instruction.keyword === 'EXPOSE') checkPorts(instruction, ports, list);
  return list.found.map(({ rule, message }) => `${rule}: ${message}`);
}

test('checkPorts() wants protocols in lower case and nothing but a container port', () => {
  expect(check(['80', '80/tcp', '7000-7010/udp', ':80', '80/'])).toEqual([]);
  expect(check(['80/TCP', '127.0.0.1:80:80', '[::1]:8080:80/Udp'])).toEqual([
    "ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
    "ExposeProtoCasing: Defined protocol '[::1]:8080:80/Udp' in EXPOSE instruction should be lowercase",
    "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:8080:80/Udp'",
  ]);
});

test('checkPorts() leaves to the error what is no port', () => {
  expect(check(['80/foo', '1:80/FOO', '/TCP', ''])).toEqual([]);
});
