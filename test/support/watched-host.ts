import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a system keeps its own. */
const PLACES = ['/etc', '/usr', '/bin', '/sbin', '/lib', '/opt', '/srv', '/home', '/root', '/boot', '/var'];

export interface WatchedHost {
  /** For `CommandOptions.through`: starts a command that sees the host as it is, and whose changes go elsewhere. */
  readonly through: readonly string[];
  /** What commands have written, changed and deleted, as find(1) lists it below the place. */
  changes(): readonly string[];
}

/**
 * The host's own directories, each an overlay over itself in a mount namespace of the command: what the command and its
 * children do to them is kept apart from what anybody else on the machine does meanwhile. A mount that a command leaves
 * in its namespace is told on standard error. `folder`: of a filesystem that an overlay can write to.
 */
export function watchedHost(folder: string): WatchedHost {
  const base = mkdtempSync(join(folder, 'watched-'));
  const places = PLACES.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
  const layers = places.map((place) => {
    const layer = join(base, place.slice(1));
    for (const part of ['upper', 'work']) mkdirSync(join(layer, part), { recursive: true });
    const options = `lowerdir=${place},upperdir=${layer}/upper,workdir=${layer}/work`;
    return { place, layer, mount: `mount -t overlay overlay -o ${options} ${place}` };
  });
  const script = join(base, 'run.sh');
  writeFileSync(
    script,
    `#!/bin/sh
set -e
${layers.map(({ mount }) => mount).join('\n')}
before=$(cat /proc/self/mountinfo)
set +e
"$@"
code=$?
[ "$before" = "$(cat /proc/self/mountinfo)" ] || echo 'mounts have changed' >&2
exit $code
`,
  );
  chmodSync(script, 0o755);
  return {
    through: ['unshare', '--mount', '--propagation=private', script],
    changes: () =>
      layers.flatMap(({ place, layer }) =>
        execFileSync('find', [join(layer, 'upper'), '-mindepth', '1', '-printf', `${place}/%P %y\\n`], {
          encoding: 'latin1',
        })
          .split('\n')
          .filter((line) => line !== ''),
      ),
  };
}
