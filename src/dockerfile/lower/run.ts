import type { VertexDigest } from '../../llb/definition.ts';
import type { ExecOp } from '../../llb/op.ts';
import { csvFields } from '../csv.ts';
import { chompTabs, isOnlyHeredoc } from '../heredoc.ts';
import type { Heredoc, RunInstruction } from '../instructions.ts';
import { proxyEnvironment } from '../predefined-args.ts';
import { commandArguments, inShell } from './command.ts';
import { failure, type Lower, nextStep, reading, type StageContext, shownText } from './context.ts';
import { completeMounts, type Mounts } from './run-mount.ts';
import { scratchVertex } from './sources.ts';
import { commit, type StageState, workdirOf } from './state.ts';
import { absolutePath } from './workdir.ts';

/** RUN: one layer of whatever the command changes. */
export const lowerRun: Lower<'RUN'> = (before, instruction, context) => {
  const command = commandOf(before, instruction, context);
  const mounts = completeMounts(before, instruction, context);
  const inputs = [before.root, ...mounts.inputs, ...(command.script === undefined ? [] : [command.script])];
  const { state, meta } = nextStep(context, before, instruction, shown(before, instruction, context, mounts));
  const op: ExecOp = {
    type: 'exec',
    args: command.args,
    env: [...state.environment].map(([name, value]) => `${name}=${value}`).concat(mounts.env),
    cwd: absolutePath('/', workdirOf(state)),
    user: state.config.User ?? '',
    mounts: [
      ...mounts.mounts,
      ...(command.script === undefined
        ? []
        : [
            { type: 'bind', target: SCRIPTS, input: inputs.length - 1, source: '/', readonly: true } as const,
          ]),
    ],
    network: networkOf(instruction, context),
    security: securityOf(instruction, context),
    devices: instruction.devices.map((text) => deviceOf(instruction, context, text)),
    proxyEnv: proxyEnvironment(context.request.buildArgs),
    ...machine(context),
  };
  const shell = state.config.Shell?.[0];
  const root = context.graph.add(op, inputs, shell === undefined ? meta : { ...meta, shell });
  // Docker's history has a script run by the shell, too.
  const recorded = command.script === undefined ? command.args : inShell(state, command.args.join(' '));
  const text = `RUN ${[...declaredArgs(state), ...recorded].join(' ')}`;
  return commit(state, { text, created: context.created, root });
};

/** Where the file of a heredoc with a `#!` line is seen by the command that it is. */
const SCRIPTS = '/dev/pipes';

interface Command {
  readonly args: readonly string[];
  /** The vertex with the script, if the command is one. */
  readonly script?: VertexDigest;
}

function commandOf(state: StageState, instruction: RunInstruction, context: StageContext): Command {
  const { command, heredocs } = instruction;
  if (command.form === 'exec' || heredocs.length === 0) return { args: commandArguments(state, command) };
  if (!isOnlyHeredoc(command.text.trim())) {
    // The shell reads the bodies itself, with their tabs, as if the lines stood in a script.
    const bodies = heredocs.map(({ content, name }) => `\n${content}${name}`);
    return { args: inShell(state, command.text + bodies.join('')) };
  }
  const heredoc = heredocs[0]!;
  const data = heredoc.chomp ? chompTabs(heredoc.content) : heredoc.content;
  if (!data.startsWith('#!')) return { args: inShell(state, data) };
  return { args: [`${SCRIPTS}/${heredoc.name}`], script: scriptFile(heredoc, data, context) };
}

function scriptFile({ name, range }: Heredoc, data: string, context: StageContext): VertexDigest {
  const meta = { name: '[internal] preparing inline document', lines: range, ignoreCache: false };
  const empty = scratchVertex(context.graph);
  return context.graph.add(
    { type: 'file', actions: [{ kind: 'mkfile', destination: '/', name, data, defaultMode: 0o755 }] },
    [empty],
    meta,
  );
}

/** `|2 A=1 B=2`: the ARGs in scope, as history has them before the command. */
function declaredArgs({ args, environment }: StageState): string[] {
  const texts = [...args].map(([name, value]) => `${name}=${environment.get(name) ?? value ?? ''}`);
  return texts.length === 0 ? [] : [`|${texts.length}`, ...texts];
}

/** The step's title: quotes stay, what has no value stays, and secrets are stars. */
function shown(
  state: StageState,
  instruction: RunInstruction,
  context: StageContext,
  mounts: Mounts,
): string {
  const environment = new Map(state.environment);
  for (const name of mounts.secretVariables) environment.set(name, '****');
  const text = shownText(context, environment, instruction.original, { quotes: 'keep', keepUnset: true });
  const { command, heredocs } = instruction;
  const alone = command.form === 'shell' && heredocs.length > 0 && isOnlyHeredoc(command.text.trim());
  return alone ? `${text} (${summary(heredocs[0]!.content)})` : text;
}

function summary(body: string): string {
  const [first = '', ...more] = body.trim().split(/\r?\n/);
  return more.length === 0 ? first : `${first}...`;
}

function networkOf(instruction: RunInstruction, context: StageContext): ExecOp['network'] {
  const { network = 'default' } = instruction;
  if (network === 'default') return context.request.network;
  if (network !== 'none' && network !== 'host') {
    throw failure(context, instruction, 'BAD_FLAG', `invalid network mode ${JSON.stringify(network)}`, {
      hint: 'Use default, none or host',
    });
  }
  if (network === 'host') requireGrant(instruction, context, 'network.host');
  return network;
}

function securityOf(instruction: RunInstruction, context: StageContext): ExecOp['security'] {
  const { security = 'sandbox' } = instruction;
  if (security !== 'sandbox' && security !== 'insecure') {
    throw failure(context, instruction, 'BAD_FLAG', `security ${JSON.stringify(security)} is not valid`, {
      hint: 'Use sandbox or insecure',
    });
  }
  if (security === 'insecure') requireGrant(instruction, context, 'security.insecure');
  return security;
}

function requireGrant(instruction: RunInstruction, context: StageContext, grant: string): void {
  if (context.request.allow.includes(grant)) return;
  throw failure(context, instruction, 'UNSUPPORTED', `${grant} is not allowed`, {
    hint: `Build with --allow ${grant} if you trust the Dockerfile`,
  });
}

function deviceOf(
  instruction: RunInstruction,
  context: StageContext,
  text: string,
): ExecOp['devices'][number] {
  const device = reading(context, instruction, 'BAD_FLAG', () => parseDevice(text));
  const grants = ['device', `device=${device.name}`];
  if (!context.request.allow.some((grant) => grants.includes(grant))) {
    requireGrant(instruction, context, grants[1]!);
  }
  return device;
}

function parseDevice(text: string): { readonly name: string; readonly required: boolean } {
  let name = '';
  let required = false;
  for (const field of csvFields(text)) {
    if (field.toLowerCase() === 'required' || field.toLowerCase() === 'required=true') required = true;
    else if (field.toLowerCase() === 'required=false') required = false;
    else if (name === '') name = field.replace(/^name=/i, '');
    else throw new Error(`unexpected value '${field}' in device '${text}'`);
  }
  if (name === '') throw new Error(`device '${text}' has no name`);
  return { name, required };
}

/** What the command line says about every RUN. */
function machine({ request }: StageContext) {
  const { hostname, extraHosts, ulimits, shmSize, cgroupParent, resources } = request;
  return {
    hostname,
    extraHosts,
    ulimits,
    ...(shmSize !== undefined && { shmSize }),
    ...(cgroupParent !== undefined && { cgroupParent }),
    ...(resources !== undefined && { resources }),
  };
}
