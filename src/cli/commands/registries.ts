import { parsePlatform, pullImage, pushImage } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { TransferView, type TransferWords } from '../transfer-view.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

/** On standard output, which is where Docker has it. */
function view(words: TransferWords): TransferView {
  const { stdout } = process;
  const output = {
    write: (text: string) => {
      stdout.write(text);
    },
    isTerminal: stdout.isTTY === true,
    columns: stdout.columns ?? 80,
  };
  return new TransferView(output, words);
}

interface PullValues {
  readonly quiet?: boolean;
  readonly platform?: string;
  readonly allTags?: boolean;
}

export const pull: CommandModule = {
  declare(command, done) {
    command
      .argument('<image>')
      .option('-q, --quiet', 'only print the name')
      .option('--platform <platform>', 'os/arch[/variant]')
      .option('-a, --all-tags', 'not supported')
      .option('--disable-content-trust', 'accepted for compatibility')
      .action(async (text: string, { quiet, platform, allTags }: PullValues) => {
        if (allTags) throw new UsageError('--all-tags is not supported: name the tags one by one');
        const shown = quiet ? undefined : view({ doing: 'Downloading', done: 'Pull complete' });
        const { name, digest, upToDate } = await pullImage(text, {
          ...(platform !== undefined && { platform: parsePlatform(platform) }),
          ...(shown && { report: shown.report }),
        });
        if (!quiet) {
          const what = upToDate ? 'Image is up to date for' : 'Downloaded newer image for';
          process.stdout.write(`Digest: ${digest}\nStatus: ${what} ${familiar(name)}\n`);
        }
        process.stdout.write(`${name}\n`);
        done(ExitCode.ok);
      });
  },
};

function familiar(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '');
}

export const push: CommandModule = {
  declare(command, done) {
    command
      .argument('<image>')
      .option('-q, --quiet', 'only print the name')
      .option('-a, --all-tags', 'not supported')
      .option('--disable-content-trust', 'accepted for compatibility')
      .action(async (name: string, { quiet, allTags }: PullValues) => {
        if (allTags) throw new UsageError('--all-tags is not supported: name the tags one by one');
        const shown = quiet ? undefined : view({ doing: 'Pushing', done: 'Pushed' });
        const { digest, size } = await pushImage(name, shown && { report: shown.report });
        const tag = /:([^/:@]+)$/.exec(name)?.[1] ?? 'latest';
        process.stdout.write(quiet ? `${name}\n` : `${tag}: digest: ${digest} size: ${size}\n`);
        done(ExitCode.ok);
      });
  },
};
