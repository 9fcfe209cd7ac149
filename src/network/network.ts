/** One interface of a container, as it is recorded and shown. Addresses are text. */
export interface Endpoint {
  /** `eth0`. */
  readonly interface: string;
  /** With prefix length (`172.30.0.2/16`); at most one of each family, IPv4 first. */
  readonly addresses: readonly string[];
  /** One of each family; none on an internal network. */
  readonly gateways: readonly string[];
  readonly macAddress: string;
}

/** A network namespace that is ready for a container: held open by a descriptor, gone with its last user. */
export interface NetworkNamespace {
  /** `/proc/PID/fd/N`, for the runtime spec's namespace path. */
  readonly path: string;
  readonly endpoints: readonly Endpoint[];
  /** Releases the descriptor and the addresses. Idempotent. */
  close(): void;
}

/** Name service of the host, as a container may use it. */
export interface HostResolver {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}
