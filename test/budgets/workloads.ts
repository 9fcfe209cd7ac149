import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Commands, networkNamespace, Program } from '../support/commands.ts';
import { publish, type RegistryServer } from '../support/registry-server.ts';
import { sampleImage } from '../support/sample-image.ts';
import { TarBuilder } from '../support/tar-builder.ts';
import { type Measured, type Meter, perUnit } from './measure.ts';

/** What the workloads share. */
export interface Bench {
  readonly commands: Commands;
  readonly meter: Meter;
  readonly registry: RegistryServer;
  /** A network of its own for containers that have one. */
  readonly network: ReturnType<typeof networkNamespace>;
}

export interface Workload {
  readonly name: string;
  /** Once, before the first run. */
  readonly prepare?: (bench: Bench) => Promise<unknown> | unknown;
  /** The n-th run. */
  readonly run: (bench: Bench, turn: number) => Promise<Measured>;
}

const FILES = 1000;
const BUILD = ['-q', '--network=none'];

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** Makes a context once, by its name. */
function context({ commands }: Bench, name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(commands.folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const cached = `FROM busybox\nARG X=1\nENV A=$X\nWORKDIR /w\nCOPY a.txt .\n${lines(6, (i) => `RUN echo ${i} > f${i}\n`)}USER 1000\nCMD true\n`;

function manyFiles(bench: Bench): string {
  const files = Object.fromEntries(
    Array.from({ length: FILES }, (_, i) => [`p${Math.floor(i / 40)}/f${i}`, `file ${i}\n`.repeat(40)]),
  );
  return context(bench, 'files', { Dockerfile: 'FROM scratch\nCOPY . /src\n', ...files });
}

/** A store that the other workloads do not change. */
function ofItsOwn({ commands }: Bench, name: string): Record<string, string> {
  return { TSBUILD_ROOT: join(commands.folder, `store-${name}`) };
}

async function must(bench: Bench, program: Program, args: readonly string[]): Promise<void> {
  const { code, stderr } = await bench.commands.run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

function runs(bench: Bench, count: number): Promise<Measured> {
  const dockerfile = `FROM busybox\n${lines(count, (i) => `RUN echo ${i} > /f${i}\n`)}`;
  const directory = context(bench, `runs${count}`, { Dockerfile: dockerfile });
  return bench.meter.command('tsbuild', [...BUILD, '--no-cache', directory]);
}

export const workloads: readonly Workload[] = [
  {
    name: 'cached rebuild of 12 steps',
    prepare: (bench) =>
      must(bench, 'tsbuild', [...BUILD, context(bench, 'cached', { Dockerfile: cached, 'a.txt': 'a\n' })]),
    run: ({ meter, commands }) => meter.command('tsbuild', [...BUILD, join(commands.folder, 'cached')]),
  },
  {
    name: 'one RUN step of eleven',
    run: async (bench) => perUnit(await runs(bench, 1), await runs(bench, 11), 10),
  },
  {
    name: 'tsrun --network=none',
    run: ({ meter }) => meter.command('tsrun', ['--rm', '--network=none', 'busybox', 'true']),
  },
  {
    name: 'tsrun on the bridge',
    prepare: ({ commands, network }) => commands.tsrun(['--rm', 'busybox', 'true'], network),
    run: ({ meter, network }) => meter.command('tsrun', ['--rm', 'busybox', 'true'], network),
  },
  {
    name: 'detached container, from start to end',
    run: ({ meter }) =>
      meter.command('tsctr', ['run', '-d', '--rm', '--network=none', 'busybox', 'true'], { modules: false }),
  },
  {
    name: 'tsctr images, of which there are five',
    prepare: async (bench) => {
      for (let i = 0; i < 5; i++) {
        const directory = context(bench, `listed${i}`, {
          Dockerfile: `FROM scratch\nCOPY a.txt /${i}\n`,
          'a.txt': '',
        });
        await bench.commands.tsbuild([...BUILD, '-t', `listed${i}`, directory], {
          env: ofItsOwn(bench, 'listed'),
        });
      }
    },
    run: (bench) => bench.meter.command('tsctr', ['images'], { env: ofItsOwn(bench, 'listed') }),
  },
  {
    name: `COPY of ${FILES} files, nothing known`,
    prepare: manyFiles,
    run: (bench, turn) =>
      bench.meter.command('tsbuild', [...BUILD, join(bench.commands.folder, 'files')], {
        env: ofItsOwn(bench, `empty${turn}`),
        modules: false,
      }),
  },
  {
    name: `COPY of ${FILES} files, nothing changed`,
    prepare: (bench) => must(bench, 'tsbuild', [...BUILD, manyFiles(bench)]),
    run: ({ meter, commands }) => meter.command('tsbuild', [...BUILD, join(commands.folder, 'files')]),
  },
  {
    name: `COPY of ${FILES} files, one edited`,
    prepare: (bench) => must(bench, 'tsbuild', [...BUILD, manyFiles(bench)]),
    run: ({ meter, commands }, turn) => {
      const directory = join(commands.folder, 'files');
      writeFileSync(join(directory, 'p7/f280'), `edited ${turn}\n`);
      return meter.command('tsbuild', [...BUILD, directory], { modules: false });
    },
  },
  {
    name: `RUN touch over a base of ${2 * FILES} files`,
    prepare: async ({ commands }) => {
      const tar = new TarBuilder();
      for (let i = 0; i < 2 * FILES; i++) {
        if (i % 100 === 0) tar.directory(`d${i / 100}`);
        tar.file(`d${Math.floor(i / 100)}/f${i}`, 'x');
      }
      await commands.tsctr(['import', '-', 'many'], { input: tar.end() });
      const dockerfile = 'FROM many\nCOPY --from=busybox / /\n';
      await commands.build(dockerfile, {}, ['-t', 'many']);
    },
    run: (bench) => {
      const directory = context(bench, 'touch', { Dockerfile: 'FROM many\nRUN ["/bin/touch", "/x"]\n' });
      return bench.meter.command('tsbuild', [...BUILD, '--no-cache', directory], { modules: false });
    },
  },
  {
    name: 'pull of a small layer',
    prepare: ({ registry }) => publish(registry, 'team/small', 'v1', sampleImage()),
    run: (bench, turn) => {
      const args = ['pull', '-q', `${bench.registry.host}/team/small:v1`];
      return bench.meter.command('tsctr', args, { env: ofItsOwn(bench, `pulled${turn}`), modules: false });
    },
  },
];
