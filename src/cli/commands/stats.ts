import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerUsage, containerUsage } from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { formatListing, type Listing, type Row } from '../format/listing.ts';
import { humanBytes, humanSize } from '../format/size.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';

const LISTING: Listing = {
  columns: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
  headings: {
    BlockIO: 'BLOCK I/O',
    CPUPerc: 'CPU %',
    Container: 'CONTAINER',
    ID: 'CONTAINER ID',
    MemPerc: 'MEM %',
    MemUsage: 'MEM USAGE / LIMIT',
    Name: 'NAME',
    NetIO: 'NET I/O',
    PIDs: 'PIDS',
  },
};

interface StatsValues {
  readonly all?: boolean;
  readonly format?: string;
  readonly stream: boolean;
  readonly trunc: boolean;
}

/** Between two looks, of whose difference the processor's share is made. */
const INTERVAL_MS = 1000;

export const stats: CommandModule = {
  declare(command, done) {
    command
      .argument('[container...]')
      .option('-a, --all', 'also those that do not run')
      .option('--format <template>', 'a Go template, json, table, or table TEMPLATE')
      .option('--no-stream', 'once')
      .option('--no-trunc', 'do not shorten the output')
      .action(async (names: readonly string[], values: StatsValues) => {
        const look = () => containerUsage({ names, all: values.all === true });
        let before = await look();
        for (;;) {
          await delay(INTERVAL_MS);
          const now = await look();
          const rows = now.map((usage) => row(usage, before, values.trunc));
          const text = formatListing(LISTING, rows, values.format);
          // As for Docker: from the top of the screen, time and again.
          stdout.write(values.stream && values.format === undefined ? `\x1b[H\x1b[2J${text}` : text);
          if (!values.stream) break;
          before = now;
        }
        done(ExitCode.ok);
      });
  },
};

function row(usage: ContainerUsage, earlier: readonly ContainerUsage[], truncate: boolean): Row {
  const { id, name, memory, memoryLimit, received, sent, read, written, processes } = usage;
  const before = earlier.find((each) => each.id === id);
  const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
  return {
    BlockIO: `${humanSize(read)} / ${humanSize(written)}`,
    CPUPerc: percent(before === undefined ? 0 : processorShare(before, usage)),
    Container: truncate ? id.slice(0, 12) : id,
    ID: truncate ? id.slice(0, 12) : id,
    MemPerc: percent(memoryLimit === 0 ? 0 : memory / memoryLimit),
    MemUsage: `${humanBytes(memory)} / ${humanBytes(memoryLimit)}`,
    Name: name,
    NetIO: `${humanSize(received)} / ${humanSize(sent)}`,
    PIDs: String(processes),
  };
}

/** Of one processor: two that are busy are 2. */
function processorShare(before: ContainerUsage, now: ContainerUsage): number {
  const passed = (now.at - before.at) * 1e6;
  const share = passed <= 0 ? 0 : (now.cpuTime - before.cpuTime) / passed;
  return Math.min(Math.max(share, 0), cpus().length);
}
