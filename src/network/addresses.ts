import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { tryLockFile } from '../../layers/index.ts';
import { formatIpv4, type Ipv4 } from './links.ts';
import type { Subnet } from './subnet.ts';

/** An address that is ours until released, or until the process is gone. */
export interface HeldAddress {
  readonly address: Ipv4;
  release(): void;
}

/**
 * Takes a free address of the subnet: one file an address, locked by its holder, so that the kernel gives it back
 * with the process. `.0` is the network and `.1` the bridge.
 */
export function holdAddress(directory: string, { base, prefix }: Subnet): HeldAddress {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const last = base + 2 ** (32 - prefix) - 2;
  for (let address = base + 2; address <= last; address++) {
    const fd = openSync(join(directory, formatIpv4(address)), 'a', 0o600);
    if (tryLockFile(fd, 'exclusive')) {
      let held = true;
      return {
        address,
        release() {
          if (held) closeSync(fd);
          held = false;
        },
      };
    }
    closeSync(fd);
  }
  throw new Error(`No address is free in ${formatIpv4(base)}/${prefix}`);
}
