import type { ContainerConfig } from '../../layers/index.ts';
import type { Endpoint } from '../network/network.ts';
import type { PublishedPort } from '../network/publish.ts';
import type { PlannedMount } from './container-mounts.ts';
import type { ContainerOptions } from './container-options.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** `creating`: it is being made, and nobody else's business yet. `restarting`: it waits to be started again. */
export type ContainerStatus = 'creating' | 'created' | 'running' | 'paused' | 'restarting' | 'exited';

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
  /** Whoever made it is to start it too: until then it is of no use to anybody else. */
  readonly startsAtOnce?: boolean;
  /** Command line, entrypoint included. */
  readonly args: readonly string[];
  readonly status: ContainerStatus;
  /** The process that looks after it, while it runs or is to be started again. */
  readonly owner?: ProcessIdentity;
  /** That process is a supervisor, which one can attach to; else a command that runs it in the foreground. */
  readonly supervised?: boolean;
  /** PID 1 of the container as the host sees it. */
  readonly process?: ProcessIdentity;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** Why it could not be started the last time. */
  readonly error?: string;
  /** How often its policy has started it again. */
  readonly restartCount?: number;
  /** Where it is checked. */
  readonly health?: HealthState;
  /** What somebody has asked for, to be heeded when its process ends. Gone when somebody starts it. */
  readonly intent?: 'stop' | 'restart';
  /** What is to be mounted at each start. */
  readonly plannedMounts?: readonly PlannedMount[];
  /** What is mounted in it besides what every container has. */
  readonly mounts?: readonly MountState[];
  readonly network?: NetworkState;
}

/** Whether it runs, is about to, or is being made: nothing of it may be taken away. */
export function isInUse({ status }: Pick<ContainerState, 'status'>): boolean {
  return status !== 'exited' && status !== 'created';
}

/** Whether it is made, but not by whoever only wanted to have it made. */
export function isUnstarted({
  status,
  startsAtOnce,
}: Pick<ContainerState, 'status' | 'startsAtOnce'>): boolean {
  return status === 'creating' || (status === 'created' && startsAtOnce === true);
}

/** Whether it has a process. */
export function isRunning({ status }: Pick<ContainerState, 'status'>): boolean {
  return status === 'running' || status === 'paused';
}

export interface MountState {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Of a volume. */
  readonly name?: string;
  /** Made for this container alone. */
  readonly anonymous?: boolean;
  /** Host path; none for a tmpfs. */
  readonly source?: string;
  /** What of the source is seen, resolved inside it. */
  readonly subpath?: string;
  readonly target: string;
  readonly readonly: boolean;
}

export interface NetworkState {
  /** The first has the default route. */
  readonly endpoints: readonly EndpointState[];
  /** What leads to the container from outside. */
  readonly ports: readonly PublishedPort[];
}

/** An interface of a container. */
export interface EndpointState extends Endpoint {
  /** Name of the network. */
  readonly network: string;
  readonly networkId: string;
  /** Further names of the container there. */
  readonly aliases?: readonly string[];
}

/** Names of the networks that it is on, or is to be on. */
export function networkNames({ network, options }: ContainerState): readonly string[] {
  const names = network?.endpoints.map((endpoint) => endpoint.network) ?? [];
  return names.length > 0
    ? names
    : (options.networks?.map(({ name }) => name) ?? [options.network ?? 'bridge']);
}

export interface HealthState {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The last results, oldest first. */
  readonly log: readonly HealthResult[];
}

export interface HealthResult {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  /** -1 when the check took too long, or could not be made. */
  readonly exitCode: number;
  readonly output: string;
}
