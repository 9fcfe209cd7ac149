import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { tryLockFile } from '../../layers/index.ts';
import { processStart } from '../linux/process-start.ts';
import { addressIn, contains, formatIp, formatSubnet, type IpAddress, type Subnet } from './address.ts';

/** An address that is ours until released, or until the process is gone. */
export interface HeldAddress {
  readonly address: IpAddress;
  /** From here on it is taken as long as that process lives, and no longer bound to this one. */
  handOver(pid: number): void;
  release(): void;
}

export interface AddressRequest {
  /** Where the files are: {@link addressDirectory}. */
  readonly directory: string;
  readonly subnet: Subnet;
  /** The bridge's own. */
  readonly gateway: IpAddress;
  /** This one and no other. */
  readonly wanted?: IpAddress;
  /** Only from this part of the subnet. */
  readonly range?: Subnet;
}

/**
 * Takes a free address: one file an address, locked by its holder, so that the kernel gives it back with the process.
 * The first and last of the subnet and the bridge's are never given. Undefined when the wanted one is taken.
 */
export function holdAddress(request: AddressRequest): HeldAddress | undefined {
  const { directory, subnet, gateway, wanted, range = subnet } = request;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (wanted !== undefined) return isUsable(request, wanted) ? tryHold(request, wanted) : undefined;
  const last = addressIn(range, -1).value;
  for (let { value } = addressIn(range, 0); value <= last; value++) {
    const address = { family: subnet.family, value };
    if (!isUsable(request, address)) continue;
    const held = tryHold(request, address);
    if (held !== undefined) return held;
  }
  throw new Error(`No address is free in ${formatSubnet(range)}, with ${formatIp(gateway)} as gateway`);
}

function isUsable({ subnet, gateway }: AddressRequest, { family, value }: IpAddress): boolean {
  if (!contains(subnet, { family, value }) || value === gateway.value) return false;
  return value !== subnet.base && (family === 6 || value !== addressIn(subnet, -1).value);
}

function tryHold({ directory }: AddressRequest, address: IpAddress): HeldAddress | undefined {
  const file = join(directory, formatIp(address));
  const fd = openSync(file, 'a+', 0o600);
  const isOurs = tryLockFile(fd, 'exclusive') && !isTaken(fd);
  if (!isOurs) {
    closeSync(fd);
    return undefined;
  }
  let held = true;
  const close = () => {
    if (held) closeSync(fd);
    held = false;
  };
  return {
    address,
    handOver(pid) {
      writeSync(fd, `${pid} ${processStart(pid)}`);
      close();
    },
    release: close,
  };
}

/** Gives an address back that was handed over. */
export function giveBack(directory: string, address: IpAddress): void {
  const file = join(directory, formatIp(address));
  if (existsSync(file)) truncateSync(file);
}

/** Clears away the note of a process that is gone. */
function isTaken(fd: number): boolean {
  if (fstatSync(fd).size === 0) return false;
  const [pid, started] = readFileSync(fd, 'utf8').split(' ');
  if (processStart(Number(pid)) === started) return true;
  ftruncateSync(fd);
  return false;
}
