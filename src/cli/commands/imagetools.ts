import { readFileSync } from 'node:fs';
import {
  createRemoteIndex,
  formatPlatform,
  inspectRemote,
  parsePlatform,
  type RemoteDocument,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

export const inspect: CommandModule = {
  declare(command, done) {
    command
      .argument('<name>', 'an image in a registry')
      .option('--raw', 'the bytes as the registry has them')
      .option('--builder <name>', 'accepted for compatibility')
      .action(async (name: string, { raw }: { readonly raw?: boolean }) => {
        const document = await inspectRemote(name);
        if (raw) stdout.write(document.bytes);
        else stdout.write(described(document));
        done(ExitCode.ok);
      });
  },
};

/** As buildx has it, the spaces of its empty cells included. */
function described({ name, descriptor, manifests }: RemoteDocument): string {
  const head = `Name:      ${name}\nMediaType: ${descriptor.mediaType}\nDigest:    ${descriptor.digest}\n`;
  if (manifests === undefined) return head;
  const repository = name.replace(/@.*$/, '');
  const entries = manifests.map(({ digest, mediaType, platform, annotations }) => {
    const lines = [`Name:      ${repository}@${digest}`, `MediaType: ${mediaType}`];
    if (platform !== undefined) lines.push(`Platform:  ${formatPlatform(platform)}`);
    const notes = Object.entries(annotations ?? {}).map(([key, value]) => `  ${key}: ${value}`);
    if (notes.length > 0) lines.push('Annotations: ', ...notes);
    return lines.map((line) => `  ${line}\n`).join('');
  });
  return `${head}           \nManifests: \n${entries.join('             \n')}`;
}

interface CreateValues {
  readonly tag?: readonly string[];
  readonly annotation?: readonly string[];
  readonly append?: boolean;
  readonly dryRun?: boolean;
  readonly file?: readonly string[];
  readonly platform?: readonly string[];
  readonly preferIndex?: boolean;
}

const collect = (value: string, all: readonly string[] = []) => [...all, value];

export const create: CommandModule = {
  declare(command, done) {
    command
      .argument('[source...]', 'images in registries')
      .option('-t, --tag <name>', 'name of the new image', collect)
      .option('--annotation <annotation>', 'KEY=VALUE of the index', collect)
      .option('--append', 'keep what the name means already')
      .option('--dry-run', 'show the index instead of pushing it')
      .option('-f, --file <file>', 'a descriptor, in JSON, of a source', collect)
      .option('-p, --platform <platform>', 'only these of what the sources have', collect)
      .option('--prefer-index', 'make an index also of a single image', true)
      .option('--no-prefer-index', 'copy a single image as it is')
      .option('-D, --debug', 'accepted for compatibility')
      .option('--builder <name>', 'accepted for compatibility')
      .option('--progress <type>', 'accepted for compatibility')
      .action(async (sources: readonly string[], values: CreateValues) => {
        const { tag: tags = [], annotation, append = false, dryRun = false, file = [], platform } = values;
        if (tags.length === 0 && !dryRun) throw new UsageError('no tags to push: use -t NAME');
        const described = file.map((path) => readFileSync(path, 'utf8'));
        const all = [...(append ? tags : []), ...described, ...sources];
        if (all.length === 0) throw new UsageError('no sources: name images in a registry');
        const { bytes, digest } = await createRemoteIndex(all, tags, {
          dryRun,
          prefersIndex: values.preferIndex ?? true,
          ...(platform && { platforms: platform.flatMap((text) => text.split(',')).map(parsePlatform) }),
          ...(annotation && { annotations: Object.fromEntries(annotation.map(pair)) }),
        });
        if (dryRun) stdout.write(`${bytes}\n`);
        else for (const tag of tags) process.stderr.write(`pushed ${digest} to ${tag}\n`);
        done(ExitCode.ok);
      });
  },
};

/** `index:KEY=VALUE` says what is so anyway. */
function pair(text: string): [string, string] {
  const [, key, value] = /^(?:index:)?([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new UsageError(`invalid annotation "${text}": write KEY=VALUE`);
  return [key, value];
}
