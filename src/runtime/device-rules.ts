import { DEFAULT_DEVICE_RULES } from '../sandbox/defaults.ts';
import type { Resources } from '../sandbox/spec.ts';
import type { ContainerOptions } from './container-options.ts';
import { RuntimeError } from './errors.ts';
import type { GrantedDevice } from './host-devices.ts';

type Rules = NonNullable<Resources['devices']>;

/** Which devices a container may use nodes of: Docker's, those it is given, and those of `--device-cgroup-rule`. */
export function deviceRules(
  { privileged, deviceRules: asked = [] }: ContainerOptions,
  devices: readonly GrantedDevice[],
): Rules {
  if (privileged) return [{ allow: true, access: 'rwm' }];
  return [
    ...DEFAULT_DEVICE_RULES,
    ...devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access })),
    ...asked.map(parseRule),
  ];
}

/** Whether more or less is allowed than every container may. */
export function asksForDevices({ devices = [], deviceRules: asked = [] }: ContainerOptions): boolean {
  return asked.length > 0 || devices.some(({ access = 'rwm' }) => !includesAll(access));
}

const includesAll = (access: string) => [...'rwm'].every((letter) => access.includes(letter));

/** `TYPE MAJOR:MINOR ACCESS`, a number or `*`. */
function parseRule(text: string): Rules[number] {
  const match = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) {
    throw new RuntimeError(
      'BAD_OPTION',
      text,
      `invalid device cgroup format '${text}': write a type, numbers and rights, such as "c 10:229 rwm"`,
    );
  }
  const [, type = '', major = '', minor = '', access = ''] = match;
  return {
    allow: true,
    type,
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
    access,
  };
}
