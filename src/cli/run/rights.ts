import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DeviceRequest, RunRequest } from '../../index.ts';
import { given, type OptionValues } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import { parseKeyValue } from '../values.ts';
import { warn } from '../warn.ts';

/** Capabilities, devices, filters, and which namespaces are shared with whom. */
export function rightsOptions(values: OptionValues): Partial<RunRequest> {
  const securityOptions = values.many('securityOpt').map(withProfile);
  securityOptions.forEach(tellOfLabel);
  const pid = mode(values, 'pid', []);
  const ipc = mode(values, 'ipc', ['private', 'shareable', 'none']);
  const shared = { pid, ipc, uts: mode(values, 'uts', []), cgroup: cgroupMode(values) };
  const names = ['pid', 'ipc', 'uts', 'cgroup'] as const;
  const joined = { pid: containerOf(pid), ipc: containerOf(ipc) };
  return {
    capAdd: values.many('capAdd'),
    capDrop: values.many('capDrop'),
    securityOptions,
    privileged: values.flag('privileged'),
    devices: values.many('device').map(parseDevice),
    sysctls: Object.fromEntries(values.many('sysctl').map(parseKeyValue)),
    hostNamespaces: names.filter((name) => shared[name] === 'host'),
    ...given({
      joinNamespaces: joined.pid === undefined && joined.ipc === undefined ? undefined : given(joined),
      ipc: ipc === 'shareable' || ipc === 'none' ? ipc : undefined,
      runtime: values.one('runtime') || undefined,
      deviceRules: nonEmpty(values.many('deviceCgroupRule')),
      annotations: parseAnnotations(values.many('annotation')),
    }),
  };
}

const nonEmpty = <T>(list: readonly T[]) => (list.length === 0 ? undefined : list);

/** `host`, `container:NAME` where that can be, or one of `others`; an empty one is what every container has. */
function mode(values: OptionValues, name: 'pid' | 'ipc' | 'uts', others: readonly string[]): string {
  const text = values.one(name) ?? '';
  if (text === '' || text === 'host' || others.includes(text)) return text;
  const isContainer = name !== 'uts' && /^container:.+/.test(text);
  if (isContainer) return text;
  const known = ['host', ...others, ...(name === 'uts' ? [] : ['container:NAME'])];
  throw new UsageError(
    `--${name}: invalid ${name.toUpperCase()} mode "${text}": use ${known.join(', ')}, or leave it out`,
  );
}

function cgroupMode(values: OptionValues): string {
  const text = values.one('cgroupns') ?? '';
  if (['', 'host', 'private'].includes(text)) return text;
  throw new UsageError(`--cgroupns: invalid CGROUP mode "${text}": use host or private`);
}

const containerOf = (text: string) =>
  text.startsWith('container:') ? text.slice('container:'.length) : undefined;

/** The filter of a container stays what it was, whatever becomes of the file. */
function withProfile(option: string): string {
  const file = /^seccomp[:=](.+)$/s.exec(option)?.[1];
  if (file === undefined || ['unconfined', 'builtin'].includes(file)) return option;
  try {
    return `seccomp=${JSON.stringify(JSON.parse(readFileSync(file, 'utf8')))}`;
  } catch (cause) {
    throw new UsageError(`opening seccomp profile (${file}) failed: ${(cause as Error).message}`);
  }
}

/** Labels of these kinds confine nothing here: whoever asks for one must know. */
function tellOfLabel(option: string): void {
  if (!/^(apparmor|label)[:=]/.test(option) || /^(apparmor[:=]unconfined|label[:=]disable)$/.test(option))
    return;
  warn(`--security-opt ${option} has no effect: capabilities, the system call filter and namespaces confine`);
}

function parseAnnotations(texts: readonly string[]): Readonly<Record<string, string>> | undefined {
  return texts.length === 0 ? undefined : Object.fromEntries(texts.map(parseKeyValue));
}

/** `HOST[:CONTAINER[:rwm]]`. */
function parseDevice(text: string): DeviceRequest {
  const [source = '', second, third] = text.split(':');
  const isAccess = second !== undefined && isRights(second);
  const target = second === undefined || isAccess ? source : second;
  const access = isAccess ? second : third;
  const valid = text.split(':').length <= 3 && (access === undefined || isRights(access));
  if (!valid || !source.startsWith('/') || !target.startsWith('/')) {
    throw new UsageError(`invalid argument "${text}" for "--device": write /dev/NAME[:/dev/NAME][:rwm]`);
  }
  return { source: resolve(source), target: resolve(target), ...(access !== undefined && { access }) };
}

const isRights = (text: string) => /^[rwm]{1,3}$/.test(text);
