/** A network namespace that is ready for a container: held open by a descriptor, gone with its last user. */
export interface NetworkNamespace {
  /** `/proc/self/fd/N`, for the runtime spec's namespace path. */
  readonly path: string;
  /** Addresses inside, with prefix length (`172.30.0.2/16`); empty for `none`. */
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly macAddress?: string;
  /** Releases the descriptor and the address. Idempotent. */
  close(): void;
}

export interface NetworkOptions {
  /** `none`: only lo. `bridge`: an own address on the store's bridge, NAT out. */
  readonly mode: 'none' | 'bridge';
  readonly hostname: string;
  /** Directory for the address leases: files locked by their owners. */
  readonly stateDirectory: string;
}

/** Name service of the host, as a container may use it. */
export interface HostResolver {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}
