import {
  annotateManifest,
  createManifestList,
  inspectRemote,
  localManifestList,
  pushManifestList,
  removeManifestList,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';
import { forEachName } from './for-each-name.ts';

interface CommonValues {
  readonly insecure?: boolean;
}

const INSECURE = ['--insecure', 'also a registry without TLS, or with one that is not verified'] as const;

export const create: CommandModule = {
  declare(command, done) {
    command
      .argument('<list>', 'name that the list is to have')
      .argument('<manifest...>', 'images in registries')
      .option('-a, --amend', 'add to a list that is there')
      .option(...INSECURE)
      .action(
        async (list: string, members: readonly string[], values: CommonValues & { amend?: boolean }) => {
          const name = await createManifestList(list, members, values);
          stdout.write(`Created manifest list ${name}\n`);
          done(ExitCode.ok);
        },
      );
  },
};

interface AnnotateValues {
  readonly arch?: string;
  readonly os?: string;
  readonly osVersion?: string;
  readonly osFeatures?: string;
  readonly variant?: string;
}

export const annotate: CommandModule = {
  declare(command, done) {
    command
      .argument('<list>', 'a list that was made here')
      .argument('<manifest>', 'one of its images')
      .option('--arch <arch>', 'set the architecture')
      .option('--os <os>', 'set the operating system')
      .option('--os-version <version>', 'set the version of the operating system')
      .option('--os-features <features>', 'set its features, separated by commas')
      .option('--variant <variant>', 'set the variant of the architecture')
      .action(async (list: string, member: string, values: AnnotateValues) => {
        const { arch, os, osVersion, osFeatures, variant } = values;
        await annotateManifest(list, member, {
          ...(arch !== undefined && { architecture: arch }),
          ...(os !== undefined && { os }),
          ...(osVersion !== undefined && { 'os.version': osVersion }),
          ...(osFeatures !== undefined && { 'os.features': osFeatures.split(',') }),
          ...(variant !== undefined && { variant }),
        });
        done(ExitCode.ok);
      });
  },
};

export const inspect: CommandModule = {
  declare(command, done) {
    command
      .argument('[list]', 'a list that was made here; without a manifest, any name')
      .argument('[manifest]', 'an image of it')
      .option(...INSECURE)
      .action(async (list: string | undefined, member: string | undefined, values: CommonValues) => {
        if (list === undefined) throw new UsageError('"manifest inspect" takes the name of an image');
        stdout.write(`${await shown(member ?? list, member === undefined, values)}\n`);
        done(ExitCode.ok);
      });
  },
};

/** A list in three spaces, a manifest in tabs: as Docker has them. */
async function shown(name: string, mayBeList: boolean, values: CommonValues): Promise<string> {
  const local = mayBeList ? await localManifestList(name) : undefined;
  const remote = local === undefined ? await inspectRemote(name, values) : undefined;
  const bytes = local ?? remote!.bytes;
  const isList = local !== undefined || remote?.manifests !== undefined;
  return JSON.stringify(JSON.parse(bytes.toString()), undefined, isList ? 3 : '\t');
}

export const push: CommandModule = {
  declare(command, done) {
    command
      .argument('<list>', 'a list that was made here')
      .option('-p, --purge', 'forget it afterwards')
      .option(...INSECURE)
      .action(async (list: string, values: CommonValues & { readonly purge?: boolean }) => {
        stdout.write(`${await pushManifestList(list, values)}\n`);
        done(ExitCode.ok);
      });
  },
};

export const remove: CommandModule = {
  declare(command, done) {
    command
      .argument('<list...>', 'lists that were made here')
      .action(async (lists: readonly string[]) =>
        done(await forEachName(lists, (list) => removeManifestList(list))),
      );
  },
};
