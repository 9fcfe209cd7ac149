import type { VertexDigest } from '../../llb/definition.ts';
import type { CopyAction, FileAction, ModeChange } from '../../llb/op.ts';
import { parseChmod } from '../chmod.ts';
import { withoutCredentials } from '../credentials.ts';
import { chompTabs } from '../heredoc.ts';
import type { AddInstruction, CopyInstruction, Heredoc } from '../instructions.ts';
import { expand, expansion, nextStep, reading, type StageContext, shownText } from './context.ts';
import { scratchVertex } from './sources.ts';
import { commit, type StageState, workdirOf } from './state.ts';
import { absolutePath } from './workdir.ts';

const CHMOD_HINT = 'Write --chmod=644, or --chmod=u=rwX,go=rX';

type Transfer = CopyInstruction | AddInstruction;

/** One source of COPY or ADD: where its files are, and how they are copied. */
export interface TransferSource {
  readonly vertex: VertexDigest;
  readonly pattern: string;
  /** The source as the user knows it. */
  readonly display: string;
  readonly keepOwner: boolean;
  readonly unpack: CopyAction['unpack'];
}

/** What COPY and ADD have in common: everything but where a source comes from. */
export function lowerTransfer(
  before: StageState,
  instruction: Transfer,
  context: StageContext,
  open: (path: string) => TransferSource,
): StageState {
  const at = (word: string) => expand(context, before, instruction, word);
  const paths = instruction.sources.flatMap((source) => (source.kind === 'path' ? [at(source.text)] : []));
  const inline = instruction.sources.flatMap((source) =>
    source.kind === 'heredoc' ? [instruction.heredocs[source.index]!] : [],
  );
  const written = at(instruction.destination);
  const chown = at(instruction.chown ?? '');
  const chmod = at(instruction.chmod ?? '');
  const rights = {
    ...(chown !== '' && { owner: chown }),
    ...(chmod !== '' && {
      mode: reading(context, instruction, 'BAD_FLAG', () => parseChmod(chmod), CHMOD_HINT),
    }),
  };
  const destination = destinationOf(workdirOf(before), written);
  const inputs: VertexDigest[] = [];
  const actions: FileAction[] = [
    ...copyActions(paths.map(open), inputs, instruction, { destination, ...rights }),
    ...inline.map((heredoc) => fileAction(heredoc, destination, rights, before, instruction, context)),
  ];
  const shown = shownText(context, before.environment, instruction.original);
  const { state, meta } = nextStep(context, before, instruction, shown);
  const root =
    instruction.link && !namesOwner(chown)
      ? addLinked(state, context, actions, inputs, meta)
      : context.graph.add({ type: 'file', actions }, [state.root, ...inputs], meta);
  const names = [...paths, ...inline.map(({ name }) => `<<${name}`), written];
  const words = [instruction.keyword, ...flagTexts(instruction, chown, chmod), ...names];
  const text = withoutCredentials(words.join(' '));
  return commit(state, { text, created: context.created, root });
}

/** Absolute; a slash at the end, and `.`, say "into this directory". */
function destinationOf(workdir: string, written: string): string {
  const absolute = absolutePath(workdir, written);
  const directory = written === '' || written === '.' || written.endsWith('/') || written.endsWith('/.');
  return directory && absolute !== '/' ? `${absolute}/` : absolute;
}

interface Placement {
  readonly destination: string;
  readonly owner?: string;
  readonly mode?: ModeChange;
}

/** One action for neighbours that come from the same place; input 0 is what they are copied onto. */
function copyActions(
  sources: readonly TransferSource[],
  inputs: VertexDigest[],
  instruction: Transfer,
  placement: Placement,
): CopyAction[] {
  const actions: CopyAction[] = [];
  for (const { vertex, pattern, display, keepOwner, unpack } of sources) {
    if (!inputs.includes(vertex)) inputs.push(vertex);
    const input = inputs.indexOf(vertex) + 1;
    const last = actions.at(-1);
    if (last !== undefined && last.input === input && last.unpack === unpack) {
      const more = { sources: [...last.sources, pattern], display: [...last.display, display] };
      actions[actions.length - 1] = { ...last, ...more };
      continue;
    }
    actions.push({
      kind: 'copy',
      input,
      sources: [pattern],
      ...placement,
      keepOwner,
      exclude: instruction.exclude,
      parents: instruction.keyword === 'COPY' && instruction.parents,
      unpack,
      display: [display],
    });
  }
  return actions;
}

function fileAction(
  heredoc: Heredoc,
  destination: string,
  rights: Omit<Placement, 'destination'>,
  state: StageState,
  instruction: Transfer,
  context: StageContext,
): FileAction {
  const body = heredoc.chomp ? chompTabs(heredoc.content) : heredoc.content;
  const data = heredoc.expand
    ? expansion(context, state, instruction, body, { escapeChar: '\\', quotes: 'literal' }).text
    : body;
  return { kind: 'mkfile', destination, name: heredoc.name, data, ...rights, defaultMode: 0o644 };
}

/** Names of users and groups mean something in the image below alone: with them --link is an ordinary copy. */
function namesOwner(chown: string): boolean {
  return /[^0-9:]/.test(chown);
}

/** --link: made on nothing, so that the layer stays the same whatever it is put on. */
function addLinked(
  state: StageState,
  context: StageContext,
  actions: readonly FileAction[],
  inputs: readonly VertexDigest[],
  meta: ReturnType<typeof nextStep>['meta'],
): VertexDigest {
  const empty = scratchVertex(context.graph);
  const layer = context.graph.add({ type: 'file', actions }, [empty, ...inputs], meta);
  const name = meta.name.replace(/^(\[[^\]]*\] )?/, '$1LINK ');
  return context.graph.add({ type: 'merge' }, [state.root, layer], { ...meta, name });
}

/** The flags that history shows; the others say nothing about what the layer holds. */
function flagTexts(instruction: Transfer, chown: string, chmod: string): string[] {
  return [
    ...(instruction.keyword === 'COPY' && instruction.parents ? ['--parents'] : []),
    ...(chown === '' ? [] : [`--chown=${chown}`]),
    ...(chmod === '' ? [] : [`--chmod=${chmod}`]),
  ];
}

/** CopyIgnoredFile, for a source in the build context. */
export function checkIgnored(instruction: Transfer, context: StageContext, path: string): void {
  const clean = absolutePath('/', path).slice(1);
  if (clean === '' || context.request.isIgnored?.('context', clean) !== true) return;
  const verb = instruction.keyword === 'COPY' ? 'Copy' : 'Add';
  context.findings.addAt(
    instruction,
    'CopyIgnoredFile',
    `Attempting to ${verb} file ${JSON.stringify(clean)} that is excluded by .dockerignore`,
  );
}
