import type { ExecOp } from '../llb/op.ts';
import type { NetworkNamespace } from '../network/network.ts';
import { formatResolvConf, hostResolver } from '../network/resolver.ts';
import { environmentLines, imageEnvironment } from '../runtime/environment.ts';
import type { ResolvedUser } from '../runtime/passwd.ts';
import { seccompFor } from '../runtime/security-options.ts';
import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from '../sandbox/capabilities.ts';
import { capabilitySets, DEFAULT_SHM_SIZE, defaultMounts, namespaces } from '../sandbox/defaults.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '../sandbox/masks.ts';
import type { LaunchOptions } from '../sandbox/sandbox.ts';
import type { Resources, Spec } from '../sandbox/spec.ts';
import type { PreparedMounts } from './exec-mounts.ts';

export interface ExecSpecInput {
  readonly id: string;
  readonly user: ResolvedUser;
  readonly network?: NetworkNamespace;
  readonly resources?: Resources;
  readonly mounts: PreparedMounts;
}

/** The runtime spec of a RUN step, and the files that it sees besides its root. */
export function execSpec(
  op: ExecOp,
  input: ExecSpecInput,
): { readonly spec: Spec; readonly files: NonNullable<LaunchOptions['files']> } {
  const insecure = op.security === 'insecure';
  const capabilities = insecure ? ALL_CAPABILITIES : DEFAULT_CAPABILITIES;
  const seccomp = seccompFor([], capabilities, insecure);
  const sharesHostNetwork = op.network === 'host';
  const { path } = input.network ?? {};
  const { user, resources, mounts } = input;
  const cgroup = resources && {
    resources,
    cgroupsPath: `${op.cgroupParent ? `/${op.cgroupParent.replace(/^\//, '')}` : '/tsbuild'}/${input.id}`,
  };
  return {
    spec: {
      ociVersion: '1.2.0',
      process: {
        user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids, umask: 0o022 },
        args: op.args,
        env: environment(op, user, mounts),
        cwd: op.cwd,
        capabilities: capabilitySets(capabilities, user.uid),
        rlimits: op.ulimits.map(({ name, soft, hard }) => ({
          type: `RLIMIT_${name.toUpperCase()}`,
          soft,
          hard,
        })),
        noNewPrivileges: false,
      },
      root: { path: 'rootfs' },
      hostname: op.hostname,
      mounts: [
        ...defaultMounts({ shmSize: op.shmSize ?? DEFAULT_SHM_SIZE, writableSys: insecure }),
        ...mounts.mounts,
      ],
      linux: {
        namespaces: namespaces({ host: sharesHostNetwork, ...(path !== undefined && { path }) }),
        ...cgroup,
        ...(seccomp && { seccomp }),
        maskedPaths: insecure ? [] : DEFAULT_MASKED_PATHS,
        readonlyPaths: insecure ? [] : DEFAULT_READONLY_PATHS,
      },
    },
    files: [
      {
        path: '/etc/resolv.conf',
        content: formatResolvConf(hostResolver({ loopback: sharesHostNetwork })),
        mode: 0o644,
        readonly: true,
      },
      {
        path: '/etc/hosts',
        content: hostsFile(op, input.network?.endpoints[0]?.gateways[0]),
        mode: 0o644,
        readonly: true,
      },
    ],
  };
}

/** ENV and ARG of the step, then HOME, proxies and what mounts bring; a secret hides a variable of its name. */
function environment(op: ExecOp, user: ResolvedUser, mounts: PreparedMounts): readonly string[] {
  const variables = new Map(imageEnvironment(op.env));
  if (!variables.get('HOME')) variables.set('HOME', user.home);
  for (const [name, value] of imageEnvironment(op.proxyEnv))
    if (!variables.has(name)) variables.set(name, value);
  for (const [name, value] of imageEnvironment(mounts.env)) {
    if (name !== 'SSH_AUTH_SOCK' || !variables.has(name)) variables.set(name, value);
  }
  return environmentLines(variables);
}

function hostsFile({ hostname, extraHosts }: ExecOp, gateway = '127.0.0.1'): string {
  const lines = [
    `127.0.0.1\tlocalhost ${hostname}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...extraHosts.map(({ host, ip }) => `${ip === 'host-gateway' ? gateway : ip}\t${host}`),
  ];
  return `${lines.join('\n')}\n`;
}
