/** A network namespace that is ready for a container: held open by a descriptor, gone with its last user. */
export interface NetworkNamespace {
  /** `/proc/PID/fd/N`, for the runtime spec's namespace path. */
  readonly path: string;
  /** Addresses inside, with prefix length (`172.30.0.2/16`). */
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly macAddress?: string;
  /** Releases the descriptor and the address. Idempotent. */
  close(): void;
}

/** Name service of the host, as a container may use it. */
export interface HostResolver {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}
