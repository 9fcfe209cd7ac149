import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import { hostPlatform } from '../../layers/index.ts';
import { listImages } from '../exporter/listing.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { cgroupHost } from '../sandbox/cgroup-host.ts';
import { VERSION } from './version.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** The fields of `docker info` that have a meaning here. */
export type StoreInfo = Awaited<ReturnType<typeof info>>;

/** What there is in the store, and what it is on. */
export function info(location: StoreLocation = {}) {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const all = containers.list();
    const running = all.filter(({ status }) => status === 'running').length;
    return {
      Containers: all.length,
      ContainersRunning: running,
      ContainersPaused: 0,
      ContainersStopped: all.length - running,
      Images: listImages(store, hostPlatform()).length,
      Driver: 'overlay2',
      DriverStatus: [['Backing directory', store.root]],
      MemoryLimit: true,
      SwapLimit: true,
      PidsLimit: true,
      CPUShares: true,
      CPUSet: true,
      IPv4Forwarding: true,
      CgroupDriver: 'cgroupfs',
      CgroupVersion: String(cgroupHost().version),
      NCPU: cpus().length,
      MemTotal: totalmem(),
      KernelVersion: release(),
      OperatingSystem: operatingSystem(),
      OSType: 'linux',
      Architecture: MACHINES[arch()] ?? arch(),
      DockerRootDir: store.root,
      Name: hostname(),
      ServerVersion: VERSION,
      DefaultRuntime: 'tsrun',
      Runtimes: { tsrun: { path: 'tsrun' } },
      SecurityOptions: ['name=seccomp,profile=builtin'],
      Swarm: { LocalNodeState: 'inactive' },
    };
  });
}

/** uname(2)'s names of machines. */
const MACHINES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** os-release(5). */
function operatingSystem(): string {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      const match = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync(path, 'utf8'));
      if (match?.[1]) return match[1];
    } catch {
      // The next one, or none.
    }
  }
  return 'Linux';
}
