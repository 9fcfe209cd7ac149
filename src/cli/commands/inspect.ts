import {
  containerSizes,
  inspectContainers,
  inspectImages,
  inspectNetwork,
  inspectVolume,
} from '../../index.ts';
import { ExitCode } from '../exit-status.ts';
import { renderTemplate } from '../format/template/render.ts';
import { stdout } from '../output.ts';
import type { CommandModule } from '../tsctr.ts';
import { UsageError } from '../usage-error.ts';

interface Kind {
  /** With `size`, how large it is too, where that takes time to tell. */
  readonly find: (name: string, size: boolean) => Promise<unknown>;
  /** What is said when there is none of that name. */
  readonly missing: (name: string) => string;
}

const image: Kind = {
  find: async (name) => (await inspectImages([name]))[0],
  missing: (name) => `No such image: ${name}`,
};

const container: Kind = {
  find: async (name, size) => {
    const [found] = await inspectContainers([name]);
    if (found === undefined || !size) return found;
    const known = (await containerSizes([found.Id])).get(found.Id);
    return { ...found, SizeRw: known?.written, SizeRootFs: known?.whole };
  },
  missing: (name) => `No such container: ${name}`,
};

const volume: Kind = {
  find: async (name) => describeVolume(await inspectVolume(name)),
  missing: (name) => `get ${name}: no such volume`,
};

const network: Kind = {
  find: (name) => inspectNetwork(name),
  missing: (name) => `network ${name} not found`,
};

const KINDS: Readonly<Record<string, Kind>> = { container, image, network, volume };

/** In Docker's order. */
const anything: Kind = {
  async find(name, size) {
    for (const kind of Object.values(KINDS)) {
      const found = await findIn(kind, name, size);
      if (found !== undefined) return found;
    }
    return undefined;
  },
  missing: (name) => `No such object: ${name}`,
};

export const inspect = inspecting(anything);
export const inspectImage = inspecting(image);
export const inspectContainer = inspecting(container);
export const inspectNetworks = inspecting(network);
export const inspectVolumes = inspecting(volume);

interface InspectValues {
  readonly format?: string;
  readonly type?: string;
  readonly size?: boolean;
}

function inspecting(kind: Kind): CommandModule {
  return {
    declare(command, done) {
      command
        .argument('<name...>')
        .option('-f, --format <template>', 'a Go template, or json')
        .option('-s, --size', 'show how large containers are');
      if (kind === anything) command.option('--type <type>', 'container, image, network or volume');
      command.action(async (names: readonly string[], values: InspectValues) =>
        done(await show(values.type === undefined ? kind : kindOf(values.type), names, values)),
      );
    },
  };
}

function kindOf(type: string): Kind {
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined)
    throw new UsageError(
      `"${type}" is not a valid value for --type: use container, image, network or volume`,
    );
  return kind;
}

async function show(
  kind: Kind,
  names: readonly string[],
  { format, size = false }: InspectValues,
): Promise<number> {
  const found: unknown[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const object = await findIn(kind, name, size);
    if (object === undefined) missing.push(kind.missing(name));
    else found.push(object);
  }
  stdout.write(formatObjects(found, format));
  for (const message of missing) process.stderr.write(`Error: ${message}\n`);
  return missing.length === 0 ? ExitCode.ok : ExitCode.failure;
}

async function findIn({ find }: Kind, name: string, size: boolean): Promise<unknown> {
  try {
    return await find(name, size);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === 'NO_SUCH_IMAGE' || code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function formatObjects(found: readonly unknown[], format: string | undefined): string {
  if (format === undefined || format === '') return `${JSON.stringify(found, undefined, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  return found.map((object) => `${renderTemplate(format, object)}\n`).join('');
}

function describeVolume({
  name,
  directory,
  created,
  labels,
  options,
}: Awaited<ReturnType<typeof inspectVolume>>) {
  return {
    CreatedAt: created,
    Driver: 'local',
    Labels: labels ?? null,
    Mountpoint: directory,
    Name: name,
    Options: options ?? null,
    Scope: 'local',
  };
}
