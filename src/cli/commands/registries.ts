import {
  type PulledName,
  parsePlatform,
  pullAllTags,
  pullImage,
  pushAllTags,
  pushImage,
  windowSize,
} from '../../index.ts';
import { interruptible } from '../interruptible.ts';
import { stdout } from '../output.ts';
import { TransferView, type TransferWords } from '../transfer-view.ts';
import type { CommandModule } from '../tsctr.ts';

/** On standard output, which is where Docker has it. */
function view(words: TransferWords): TransferView {
  const size = windowSize(1);
  const output = {
    write: (text: string) => stdout.write(text),
    isTerminal: size !== undefined,
    columns: size?.columns || 80,
  };
  return new TransferView(output, words);
}

interface TransferValues {
  readonly quiet?: boolean;
  readonly platform?: string;
  readonly allTags?: boolean;
}

const DOWNLOAD: TransferWords = { doing: 'Downloading', done: 'Pull complete' };
const UPLOAD: TransferWords = { doing: 'Pushing', done: 'Pushed' };

export const pull: CommandModule = {
  declare(command, done) {
    command
      .argument('<image>')
      .option('-q, --quiet', 'only print the name')
      .option('--platform <platform>', 'os/arch[/variant]')
      .option('-a, --all-tags', 'every tag of the repository')
      .option('--disable-content-trust', 'accepted for compatibility')
      .action(async (text: string, { quiet = false, platform, allTags }: TransferValues) => {
        const wanted = platform === undefined ? {} : { platform: parsePlatform(platform) };
        const transfer = allTags ? pullAll : pullOne;
        done(await interruptible('tsctr', (signal) => transfer(text, { ...wanted, quiet, signal })));
      });
  },
};

interface PullRequest {
  readonly quiet: boolean;
  readonly signal: AbortSignal;
  readonly platform?: ReturnType<typeof parsePlatform>;
}

async function pullOne(text: string, { quiet, ...request }: PullRequest): Promise<void> {
  if (!quiet && !isTagged(text)) stdout.write('Using default tag: latest\n');
  const shown = quiet ? {} : { report: view(DOWNLOAD).report, onTag: tellPull };
  const pulled = await pullImage(text, { ...request, ...shown });
  if (!quiet) stdout.write(`Digest: ${pulled.digest}\n${statusLine([pulled], pulled.name)}`);
  stdout.write(`${pulled.name}\n`);
}

async function pullAll(text: string, { quiet, ...request }: PullRequest): Promise<void> {
  let shown = view(DOWNLOAD);
  const pulled = await pullAllTags(text, {
    ...request,
    ...(!quiet && {
      report: (event) => shown.report(event),
      onTag: (name) => {
        shown = view(DOWNLOAD);
        tellPull(name);
      },
    }),
  });
  if (!quiet) stdout.write(statusLine(pulled, text));
  stdout.write(`${text}\n`);
}

function tellPull(name: string): void {
  const version = name.includes('@') ? name : tagOf(name);
  stdout.write(`${version}: Pulling from ${repositoryOf(name)}\n`);
}

function tellPush(name: string): void {
  stdout.write(`The push refers to repository [${withoutTag(name)}]\n`);
}

function statusLine(pulled: readonly PulledName[], name: string): string {
  const what = pulled.every(({ upToDate }) => upToDate)
    ? 'Image is up to date for'
    : 'Downloaded newer image for';
  return `Status: ${what} ${familiar(name)}\n`;
}

function familiar(name: string): string {
  return name.replace(/^docker\.io\/(library\/)?/, '');
}

function isTagged(text: string): boolean {
  return /:[^/]*$/.test(text) || text.includes('@');
}

function tagOf(name: string): string {
  return /:([^/:@]+)$/.exec(name)?.[1] ?? 'latest';
}

/** Without registry and tag, as Docker shows it. */
function repositoryOf(name: string): string {
  const repository = withoutTag(name);
  return repository.slice(repository.indexOf('/') + 1);
}

function withoutTag(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

export const push: CommandModule = {
  declare(command, done) {
    command
      .argument('<image>')
      .option('-q, --quiet', 'only print the name')
      .option('-a, --all-tags', 'every tag that the store has of the repository')
      .option('--disable-content-trust', 'accepted for compatibility')
      .action(async (name: string, { quiet = false, allTags }: TransferValues) => {
        const transfer = allTags ? pushAll : pushOne;
        done(await interruptible('tsctr', (signal) => transfer(name, quiet, signal)));
      });
  },
};

async function pushOne(name: string, quiet: boolean, signal: AbortSignal): Promise<void> {
  if (!quiet && !isTagged(name)) stdout.write('Using default tag: latest\n');
  const shown = quiet ? {} : { report: view(UPLOAD).report, onTag: tellPush };
  const { digest, size } = await pushImage(name, { ...shown, signal });
  stdout.write(quiet ? `${name}\n` : `${tagOf(name)}: digest: ${digest} size: ${size}\n`);
}

async function pushAll(name: string, quiet: boolean, signal: AbortSignal): Promise<void> {
  let shown: TransferView | undefined;
  const request = {
    report: (event: Parameters<TransferView['report']>[0]) => shown?.report(event),
    onTag: (full: string) => {
      if (shown === undefined) tellPush(full);
      shown = view(UPLOAD);
    },
  };
  const pushed = await pushAllTags(name, { ...(!quiet && request), signal });
  if (quiet) stdout.write(`${name}\n`);
  else
    for (const { name: full, target } of pushed)
      stdout.write(`${tagOf(full)}: digest: ${target.digest} size: ${target.size}\n`);
}
