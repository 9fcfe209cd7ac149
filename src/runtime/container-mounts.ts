import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { makeDirectories, type Store } from '../../layers/index.ts';
import type { TreeMount } from '../sandbox/sandbox.ts';
import type { SpecMount } from '../sandbox/spec.ts';
import type { MountRequest } from './container-options.ts';
import type { MountState } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { tmpfsOptions } from './tmpfs-options.ts';
import { volumeMount } from './volume-mount.ts';
import { newVolumeName, VolumeStore } from './volumes.ts';

/** One mount of a container: how to make it, and what is recorded of it. */
export interface ContainerMount {
  /** How to make it: a mount, or a part of a directory that is looked up inside that. */
  readonly spec: SpecMount | undefined;
  readonly tree?: TreeMount;
  readonly state: MountState;
}

export interface MountSource {
  readonly store: Store;
  /** Makes the (missing) directory a copy of what the image has at `path`; false when it has nothing there. */
  fillVolume(path: string, directory: string): Promise<boolean>;
}

/** A mount that is to be made. Of a volume it is known by now what it is called. */
export type PlannedMount =
  | Exclude<MountRequest, { type: 'volume' }>
  | (Extract<MountRequest, { type: 'volume' }> & { readonly name: string; readonly anonymous: boolean });

/**
 * The binds, volumes and tmpfs of one container: those asked for, and an anonymous volume for each VOLUME of the image
 * that nothing else covers. Outer mounts come before those inside.
 */
export function planMounts(
  declared: readonly string[],
  requested: readonly MountRequest[],
): readonly PlannedMount[] {
  const planned = withDeclared(declared, requested).map((mount): PlannedMount => {
    if (mount.type !== 'volume') return mount;
    return {
      ...mount,
      name: mount.name ?? newVolumeName(),
      anonymous: mount.anonymous ?? mount.name === undefined,
    };
  });
  const depth = ({ target }: PlannedMount) => target.split('/').length;
  return planned.sort((a, b) => depth(a) - depth(b));
}

/** What goes with the container: to be recorded before it is made, so that it is found whatever happens then. */
export function anonymousVolumes(planned: readonly PlannedMount[]): readonly MountState[] {
  return planned.flatMap((mount) => {
    if (mount.type !== 'volume' || !mount.anonymous) return [];
    const { type, name, anonymous, target, readonly } = mount;
    return { type, name, anonymous, target, readonly };
  });
}

/** Makes what is missing. */
export async function prepareMounts(
  planned: readonly PlannedMount[],
  source: MountSource,
): Promise<readonly ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const mount of planned) mounts.push(await prepare(source, mount));
  return mounts;
}

function withDeclared(declared: readonly string[], requested: readonly MountRequest[]): MountRequest[] {
  const asked = requested.map((mount) => ({ ...mount, target: mountPoint(mount.target) }));
  const targets = new Set<string>();
  for (const { target } of asked) {
    if (targets.has(target)) throw badOption(target, `Duplicate mount point: ${target}`);
    targets.add(target);
  }
  const volumes = [...new Set(declared.map((target) => posix.resolve('/', target)))]
    .filter((target) => !targets.has(target))
    .map((target): MountRequest => ({ type: 'volume', target, readonly: false, copy: true }));
  return [...volumes, ...asked];
}

function mountPoint(target: string): string {
  if (!target.startsWith('/'))
    throw badOption(target, `invalid mount path: '${target}' mount path must be absolute`);
  const clean = posix.resolve('/', target);
  if (clean === '/') throw badOption(target, "invalid specification: destination can't be '/'");
  return clean;
}

async function prepare({ store, fillVolume }: MountSource, mount: PlannedMount): Promise<ContainerMount> {
  const { type, target } = mount;
  switch (mount.type) {
    case 'tmpfs': {
      const options = tmpfsOptions(mount.options);
      return {
        spec: { destination: target, type: 'tmpfs', source: 'tmpfs', options },
        state: { type, target, readonly: options.includes('ro') },
      };
    }
    case 'bind': {
      const { source, readonly, recursive = true } = mount;
      requireSource(source, mount.createSource);
      return {
        spec: bind(source, target, { readonly, recursive }),
        state: { type, source, target, readonly },
      };
    }
    case 'volume': {
      const { copy, name, anonymous, labels, driverOptions, subpath } = mount;
      const fill =
        copy && subpath === undefined ? (directory: string) => fillVolume(target, directory) : undefined;
      const volume = await new VolumeStore(store).ensure({
        name,
        anonymous,
        ...(fill && { fill }),
        ...(labels && { labels }),
        ...(driverOptions && { options: driverOptions }),
      });
      return volumeMount(volume, mount);
    }
  }
}

function requireSource(source: string, create: boolean): void {
  if (existsSync(source)) return;
  if (!create)
    throw badOption(
      source,
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  try {
    makeDirectories(source);
  } catch (cause) {
    throw badOption(
      source,
      `error while creating mount source path '${source}': ${(cause as Error).message}`,
    );
  }
}

export function bind(
  source: string,
  destination: string,
  { readonly, recursive }: { readonly readonly: boolean; readonly recursive: boolean },
): SpecMount {
  const options = [recursive ? 'rbind' : 'bind', 'rprivate', readonly ? 'ro' : 'rw'];
  return { destination, type: 'bind', source, options };
}

function badOption(subject: string, message: string): RuntimeError {
  return new RuntimeError('BAD_OPTION', subject, message);
}
