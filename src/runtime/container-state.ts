import type { ContainerConfig } from '../../layers/index.ts';
import type { ContainerOptions } from './container-options.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What is known of a container: everything that its inspection needs. Kept as JSON. */
export interface ContainerState {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** The image as the user named it, and the digest of its config. */
  readonly image: string;
  readonly imageId: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: ContainerConfig;
  readonly options: ContainerOptions;
  /** Nothing of it is to be left when it ends. */
  readonly remove: boolean;
  /** Command line, entrypoint included. */
  readonly args: readonly string[];
  readonly status: 'created' | 'running' | 'exited';
  /** PID 1 of the container as the host sees it. */
  readonly process?: ProcessIdentity;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** What is mounted in it besides what every container has. */
  readonly mounts?: readonly MountState[];
  readonly network?: NetworkState;
}

/** Whether it runs, or somebody is just about to start it: nothing of it may be taken away. */
export function isInUse({ status }: ContainerState): boolean {
  return status !== 'exited';
}

export interface MountState {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Of a volume. */
  readonly name?: string;
  /** Made for this container alone. */
  readonly anonymous?: boolean;
  /** Host path; none for a tmpfs. */
  readonly source?: string;
  readonly target: string;
  readonly readonly: boolean;
}

export interface NetworkState {
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly macAddress?: string;
}
