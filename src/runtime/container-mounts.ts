import { existsSync, mkdirSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import type { Store } from '../../layers/index.ts';
import type { SpecMount } from '../sandbox/spec.ts';
import type { MountRequest } from './container-options.ts';
import type { MountState } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { tmpfsOptions } from './tmpfs-options.ts';
import { VolumeStore } from './volumes.ts';

/** One mount of a container: how to make it, and what is recorded of it. */
export interface ContainerMount {
  readonly spec: SpecMount;
  readonly state: MountState;
}

export interface MountSource {
  readonly store: Store;
  /** VOLUMEs of the image. */
  readonly declared: readonly string[];
  readonly requested: readonly MountRequest[];
  /** Makes the (missing) directory a copy of what the image has at `path`; false when it has nothing there. */
  fillVolume(path: string, directory: string): Promise<boolean>;
}

/**
 * The binds, volumes and tmpfs of one container: those asked for, and an anonymous volume for each VOLUME of the image
 * that nothing else covers. Makes what is missing; outer mounts come before those inside. `made` is told of each
 * anonymous volume at once, so that it can be removed whatever fails later.
 */
export async function prepareMounts(
  source: MountSource,
  made: (volume: string) => void,
): Promise<readonly ContainerMount[]> {
  const requests = withDeclared(source);
  const mounts: ContainerMount[] = [];
  for (const request of requests) mounts.push(await prepare(source, request, made));
  const depth = ({ state }: ContainerMount) => state.target.split('/').length;
  return mounts.sort((a, b) => depth(a) - depth(b));
}

function withDeclared({ declared, requested }: MountSource): readonly MountRequest[] {
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

async function prepare(
  { store, fillVolume }: MountSource,
  mount: MountRequest,
  made: (volume: string) => void,
): Promise<ContainerMount> {
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
      const { readonly, copy } = mount;
      const fill = copy ? (directory: string) => fillVolume(target, directory) : undefined;
      const volume = await new VolumeStore(store).ensure({ name: mount.name, ...(fill && { fill }) });
      const { name, directory, anonymous } = volume;
      if (mount.name === undefined) made(name);
      return {
        spec: bind(directory, target, { readonly, recursive: true }),
        state: { type, name, anonymous, source: directory, target, readonly },
      };
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
    makeDirectory(source);
  } catch (cause) {
    throw badOption(
      source,
      `error while creating mount source path '${source}': ${(cause as Error).message}`,
    );
  }
}

/** Level by level: Node's own recursive mkdir never returns where the kernel answers ENOENT to mkdir, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

function bind(
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
