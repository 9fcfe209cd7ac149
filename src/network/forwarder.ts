/** Where on the host to listen; port 0 is any free one. */
export interface HostAddress {
  readonly ip: string;
  readonly port: number;
}

/** Where in the container it goes. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A port of the host that this process holds and serves. */
export interface Forwarder {
  readonly port: number;
  close(): void;
}
