import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { type Command, Option } from 'commander';
import type { BuildRequest, OutputRequest } from '../index.ts';
import { parsePlatform } from '../index.ts';
import { declareAccepted } from './build-notices.ts';
import { listOption, OptionValues } from './option-values.ts';
import { parseLimits } from './run/resources.ts';
import { UsageError } from './usage-error.ts';
import { parseBytes, parseExtraHost, parseKeyValue, parseOptionList, parseUlimit } from './values.ts';

/** The options of `docker buildx build`, declared on a command. */
export function declareBuildOptions(command: Command): Command {
  const list = (flags: string, about: string) => listOption(command, flags, about);
  list('-t, --tag <name>', 'name and optional tag of the image');
  list('--build-arg <NAME=value>', 'set a build-time variable');
  list('--build-context <name=value>', 'additional build context');
  list('--secret <id=…>', 'secret to expose to the build: id=ID[,src=FILE|,env=NAME]');
  list('--ssh <id[=socket]>', 'SSH agent socket to expose to the build');
  list('--label <key=value>', 'set metadata of the image');
  list('--annotation <key=value>', 'add an annotation to the manifest');
  list('--cache-from <type=…>', 'further cache: type=registry,ref=NAME or type=local,src=DIRECTORY');
  list('--cache-to <type=…>', 'where the cache goes: type=registry, local or inline[,mode=max]');
  list('--attest <type=…>', 'attach an attestation: type=provenance[,mode=max] or type=sbom');
  list('--no-cache-filter <stage>', 'do not use the cache for these stages');
  list('--platform <os/arch>', 'target platform');
  list('--add-host <host:ip>', 'add a line to /etc/hosts');
  list('--ulimit <name=soft[:hard]>', 'resource limit');
  list('--allow <entitlement>', 'allow network.host or security.insecure');
  list('-o, --output <type=…,dest=…>', 'where the result goes: oci, docker, tar, local, image');
  command
    .option('-f, --file <path>', 'the Dockerfile, or - for standard input')
    .option('--provenance <value>', 'shorthand for --attest type=provenance')
    .option('--sbom <value>', 'shorthand for --attest type=sbom')
    .option('--target <stage>', 'the stage to build')
    .option('--no-cache', 'do not use the cache')
    .option('--pull', 'always ask the registry for newer base images')
    .addOption(
      new Option('--network <mode>', 'network of RUN')
        .choices(['default', 'none', 'host', 'bridge'])
        .default('default'),
    )
    .option('--shm-size <bytes>', 'size of /dev/shm')
    .option('--cgroup-parent <path>', 'parent cgroup of RUN steps')
    .option('-m, --memory <bytes>', 'memory limit of RUN steps')
    .option('--memory-swap <bytes>', 'memory and swap limit, -1 for unlimited swap')
    .option('-c, --cpu-shares <weight>', 'relative CPU weight')
    .option('--cpu-period <us>', 'CFS period')
    .option('--cpu-quota <us>', 'CFS quota')
    .option('--cpus <number>', 'number of CPUs')
    .option('--cpuset-cpus <list>', 'CPUs to run on')
    .option('--cpuset-mems <list>', 'memory nodes to use')
    .option('--iidfile <file>', 'write the image ID to a file')
    .option('--metadata-file <file>', 'write the result as JSON to a file')
    .addOption(
      new Option('--progress <kind>', 'kind of progress output')
        .choices(['auto', 'plain', 'tty', 'quiet', 'none', 'rawjson'])
        .env('BUILDKIT_PROGRESS')
        .default('auto'),
    )
    .addOption(
      new Option('--on-error <action>', 'shell: open a shell in a RUN step that failed').choices(['shell']),
    )
    .option('--verify-reproducible', 'build twice, and fail unless both gave the same image')
    .option('--explain-cache', 'say of each step that is not cached why')
    .option('-q, --quiet', 'print only the image ID')
    .option('--check', 'check the Dockerfile, build nothing: --call=check')
    .addOption(
      new Option(
        '--call <method>',
        'tell about the Dockerfile: check, outline or targets[,format=json]',
      ).default('build'),
    )
    .addOption(new Option('--print <method>').hideHelp())
    .option('--push', 'push the image to its registry')
    .option('-D, --debug', 'show warnings with their lines, and what they are about');
  declareAccepted(command);
  return command;
}

export type BuildOptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What the options say, as a request. `context` is the argument as given. */
export function buildRequest(values: BuildOptionValues, context: string): BuildRequest {
  const one = (name: string) => values[name] as string | undefined;
  const many = (name: string) => (values[name] as readonly string[] | undefined) ?? [];
  const optional = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
  const fromStdin = context === '-' || one('file') === '-';
  if (context === '-' && one('file') === '-') {
    throw new UsageError("invalid argument: can't use stdin for both build context and dockerfile");
  }
  const network = one('network') === 'bridge' ? 'default' : (one('network') as BuildRequest['network']);
  return {
    context: context === '-' ? process.stdin : context,
    ...optional('dockerfile', dockerfile(one('file'), fromStdin)),
    tags: many('tag'),
    ...optional('target', one('target')),
    buildArgs: buildArguments(many('buildArg')),
    labels: Object.fromEntries(many('label').map(parseKeyValue)),
    annotations: many('annotation'),
    buildContexts: Object.fromEntries(many('buildContext').map(namedContext)),
    secrets: many('secret').map(secret),
    ssh: many('ssh').map(ssh),
    platforms: many('platform').flatMap((text) => text.split(',').map(parsePlatform)),
    noCache: values.cache === false,
    attests: [
      ...many('attest').map((text) => Object.fromEntries(parseOptionList(text))),
      ...attestShorthand('provenance', one('provenance')),
      ...attestShorthand('sbom', one('sbom')),
    ],
    cacheFrom: many('cacheFrom').flatMap(cacheAttributes),
    cacheTo: many('cacheTo').flatMap(cacheAttributes),
    noCacheFilter: many('noCacheFilter').flatMap((text) => text.split(',')),
    pull: values.pull === true,
    explainCache: values.explainCache === true,
    verifyReproducible: values.verifyReproducible === true,
    ...optional('network', network),
    allow: many('allow').flatMap(entitlements),
    extraHosts: many('addHost').map(parseExtraHost),
    ulimits: many('ulimit').map(parseUlimit),
    ...optional(
      'shmSize',
      one('shmSize') === undefined ? undefined : parseBytes(one('shmSize')!, '--shm-size'),
    ),
    ...optional('cgroupParent', one('cgroupParent')),
    ...optional('resources', parseLimits(new OptionValues(values))),
    outputs: [
      ...many('output').map(output),
      ...(values.push === true ? [output('type=image,push=true')] : []),
    ],
  };
}

function dockerfile(file: string | undefined, fromStdin: boolean): BuildRequest['dockerfile'] | undefined {
  if (file === undefined) return undefined;
  return file === '-' && fromStdin ? { stdin: process.stdin } : { path: file };
}

/** As buildx does, SOURCE_DATE_EPOCH of the environment is taken where no argument says otherwise. */
function buildArguments(given: readonly string[]): Readonly<Record<string, string>> {
  const { SOURCE_DATE_EPOCH: epoch = '' } = process.env;
  const pairs: (readonly [string, string | undefined])[] = given.map(buildArgument);
  if (epoch !== '') pairs.unshift(['SOURCE_DATE_EPOCH', epoch]);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** A bare `NAME` takes the caller's value, and is left out when the caller has none. */
function buildArgument(text: string): readonly [name: string, value: string | undefined] {
  const split = text.indexOf('=');
  if (split === 0) throw new UsageError(`invalid argument "${text}" for "--build-arg": write NAME=value`);
  return split < 0 ? [text, process.env[text]] : [text.slice(0, split), text.slice(split + 1)];
}

function namedContext(text: string): readonly [name: string, value: string] {
  const [name, value] = parseKeyValue(text);
  if (name === '' || value === '') {
    throw new UsageError(`invalid context value: ${text}, expected key=value`);
  }
  return [name, value];
}

/** `id=x[,src=path|env=NAME][,type=file|env]`; alone, the variable named x if set, else the file x. */
function secret(text: string): NonNullable<BuildRequest['secrets']>[number] {
  const fields = parseOptionList(text);
  const unknown = [...fields.keys()].find((key) => !['id', 'src', 'source', 'env', 'type'].includes(key));
  if (unknown !== undefined)
    throw new UsageError(`unexpected key '${unknown}' in '${text}': use id, src, env and type`);
  const id = fields.get('id');
  const file = fields.get('src') ?? fields.get('source');
  const env = fields.get('env');
  const type = fields.get('type');
  if (id === undefined || id === '')
    throw new UsageError(`invalid secret '${text}': id is required, as in id=mysecret,src=FILE`);
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw new UsageError(`unsupported secret type "${type}": use file or env`);
  if (env !== undefined) return { id, source: { env } };
  if (file !== undefined) {
    if (type === 'env') return { id, source: { env: file } };
    if (!existsSync(expandHome(file)))
      throw new UsageError(`secret ${id}: open ${file}: no such file or directory`);
    return { id, source: { file: expandHome(file) } };
  }
  const fromVariable = type === 'env' || (type === undefined && process.env[id] !== undefined);
  const source = fromVariable ? { env: id } : { file: id };
  if ('file' in source && !existsSync(source.file)) {
    throw new UsageError(
      `secret ${id}: neither a variable nor a file of that name: add src=FILE or env=NAME`,
    );
  }
  return { id, source };
}

/** `true`, `false`, or attributes; for provenance also its mode. */
function attestShorthand(
  type: string,
  text: string | undefined,
): readonly Readonly<Record<string, string>>[] {
  if (text === undefined) return [];
  if (/^(?:1|t|true|)$/i.test(text)) return [{ type }];
  if (/^(?:0|f|false)$/i.test(text)) return [{ type, disabled: 'true' }];
  if (text === 'min' || text === 'max') return [{ type, mode: text }];
  return [{ type, ...Object.fromEntries(parseOptionList(text)) }];
}

/** `type=…,key=value`, or names of images. */
function cacheAttributes(text: string): readonly Readonly<Record<string, string>>[] {
  if (text === '') return [];
  if (!text.includes('=')) return text.split(',').map((ref) => ({ type: 'registry', ref }));
  return [Object.fromEntries(parseOptionList(text))];
}

/** `network.host,security.insecure,device[=NAME]`. */
function entitlements(text: string): readonly string[] {
  const names = text.split(',');
  const unknown = names.find(
    (name) => !/^(?:network\.host|security\.insecure|device|fs(?:\.read|\.write)?)(?:=|$)/.test(name),
  );
  if (unknown === undefined) return names;
  throw new UsageError(`unknown entitlement "${unknown}": use network.host, security.insecure or device`);
}

function expandHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
}

function ssh(text: string): NonNullable<BuildRequest['ssh']>[number] {
  const [id, paths] = parseKeyValue(text);
  return { id: id || 'default', paths: paths === '' ? [] : paths.split(',') };
}

const withoutTar = ({ tar: _, ...attributes }: Readonly<Record<string, string>>) => attributes;

function output(text: string): OutputRequest {
  // A bare path is a directory, and `-` a tar on standard output.
  if (!text.includes('=')) {
    return text === '-'
      ? { type: 'tar', dest: '-', attributes: {} }
      : { type: 'local', dest: text, attributes: {} };
  }
  const fields = Object.fromEntries(parseOptionList(text));
  const { type, dest, name, ...attributes } = fields;
  switch (type) {
    case 'docker':
      // Without a place to go, Docker's own store is meant: here that is the one there is.
      if (dest === undefined)
        return { type: 'image', ...(name !== undefined && { name }), attributes: withoutTar(attributes) };
      return { type, dest, attributes: { ...attributes, ...(name !== undefined && { name }) } };
    case 'oci':
      return { type, dest: dest ?? '-', attributes: { ...attributes, ...(name !== undefined && { name }) } };
    case 'tar':
      return { type, dest: dest ?? '-', attributes };
    case 'local':
      if (dest === undefined)
        throw new UsageError('dest is required for local exporter: -o type=local,dest=DIRECTORY');
      return { type, dest, attributes };
    case 'image':
    case 'registry': {
      const push = type === 'registry' ? { push: 'true' } : {};
      return { type: 'image', ...(name !== undefined && { name }), attributes: { ...attributes, ...push } };
    }
    case 'cacheonly':
    case 'none':
      return { type: 'cacheonly' };
    default:
      throw new UsageError(
        `unknown output type "${type ?? ''}" in '${text}': use image, oci, docker, tar, local or cacheonly`,
      );
  }
}
