import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished, test } from 'vitest';
import { overlaySnapshotter } from '../../layers/snapshots/overlay.ts';
import { buildkitTable, compareWithBuildKit } from '../support/buildkit-tables.ts';
import { fakeLease } from '../support/fake-lease.ts';
import { mountOverlay, whyNoOverlay } from '../support/kernel-overlay.ts';
import { tempFolder } from '../support/temp-folder.ts';

const missing = whyNoOverlay();
if (missing !== undefined) console.warn(`overlay diffs are not compared with BuildKit's: ${missing}`);

interface Commands {
  readonly base: string;
  readonly change: string;
}

test.skipIf(missing !== undefined)(
  'changes() finds in an upper directory what BuildKit finds in it',
  () => compareWithBuildKit('overlay-diffs', changesOf, buildkitTable('overlay-diffs')),
  60_000,
);

async function changesOf({ base, change }: Commands): Promise<readonly string[]> {
  const root = tempFolder();
  const store = overlaySnapshotter({ root, lease: fakeLease() });
  onTestFinished(() => store.close());
  const lower = store.prepare([]);
  run(base, lower.root().upper!);
  const parents = [lower.commit()];
  await parents[0]!.diff;
  const snapshot = store.prepare(parents);
  const mounted = snapshot.root();
  const { path, unmount } = await mountOverlay(mounted, join(root, 'mounted'));
  try {
    run(change, path);
  } finally {
    await unmount();
  }
  const written = store.written(parents, mounted.upper!);
  const changes = written.changes();
  const below = store.view(parents);
  const wasDirectory = (at: string) => below.lookup(at)?.stat.type === 'directory';
  const holdsOthers = (at: string) => changes.some((other) => other.path.startsWith(`${at}/`));
  return changes
    .filter(({ kind, path: at }) => kind !== 'changed' || !wasDirectory(at) || !holdsOthers(at))
    .map(({ kind, path: at }) => `${kind} ${at}`);
}

function run(commands: string, cwd: string): void {
  execFileSync('sh', ['-ec', `umask 022; ${commands}`], { cwd });
}
