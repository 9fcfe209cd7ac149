import type { ContainerResources } from '../runtime/container-options.ts';
import { type LimitSupport, limitSupport, parseSet } from '../sandbox/limit-support.ts';
import { ApiError } from './errors.ts';

/**
 * The limits that this system can hold, and a warning for each that it cannot: as with Docker, a container is started
 * without those. Throws `CONFLICT` for processors and memory nodes that are not there.
 */
export function supportedLimits(
  wanted: ContainerResources,
  support: LimitSupport = limitSupport(),
): { readonly resources: ContainerResources; readonly warnings: readonly string[] } {
  checkSet('--cpuset-cpus', 'CPUs', wanted.cpusetCpus, support.cpus);
  checkSet('--cpuset-mems', 'memory nodes', wanted.cpusetMems, support.mems);
  const { blkioWeight, blkioWeightDevices, ...rest } = wanted;
  const lacksWeight = blkioWeight !== undefined && !support.ioWeight;
  const lacksDevices = blkioWeightDevices !== undefined && !support.ioWeightDevice;
  return {
    resources: {
      ...rest,
      ...(blkioWeight !== undefined && !lacksWeight && { blkioWeight }),
      ...(blkioWeightDevices !== undefined && !lacksDevices && { blkioWeightDevices }),
    },
    warnings: [
      ...(lacksWeight ? [discarded('Block I/O weight', 'Weight')] : []),
      ...(lacksDevices ? [discarded('Block I/O weight_device', 'Weight-device')] : []),
    ],
  };
}

const discarded = (what: string, which: string) =>
  `WARNING: Your kernel does not support ${what} or the cgroup is not mounted. ${which} discarded.`;

function checkSet(option: string, what: string, wanted: string | undefined, available: string | undefined) {
  if (wanted === undefined) return;
  const numbers = parseSet(wanted);
  if (numbers === undefined)
    throw new ApiError(
      'CONFLICT',
      option,
      `Invalid value ${wanted} for ${option}: write a list such as 0-2,5`,
    );
  const there = available === undefined ? undefined : parseSet(available);
  if (there !== undefined && [...numbers].some((number) => !there.has(number)))
    throw new ApiError(
      'CONFLICT',
      option,
      `Requested ${what} are not available - requested ${wanted}, available: ${available}`,
    );
}

/** Whether limits of a container can be changed so: a limit of memory stays below that of memory and swap. */
export function checkUpdate(
  { id, current }: { readonly id: string; readonly current: ContainerResources },
  { memory, memorySwap }: ContainerResources,
): void {
  const swap = memorySwap ?? current.memorySwap ?? (current.memory === undefined ? 0 : current.memory * 2);
  if (memory !== undefined && memorySwap === undefined && swap > 0 && memory > swap)
    throw new ApiError(
      'CONFLICT',
      id,
      `Cannot update container ${id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    );
}
