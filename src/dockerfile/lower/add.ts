import { posix } from 'node:path';
import type { VertexMeta } from '../../llb/definition.ts';
import type { GitSourceOp, HttpSourceOp } from '../../llb/op.ts';
import { withoutCredentials } from '../credentials.ts';
import { isHttpUrl, parseGitUrl } from '../git-url.ts';
import type { AddInstruction } from '../instructions.ts';
import { expand, failure, type Lower, nextStep, reading, type StageContext, shownText } from './context.ts';
import { checkIgnored, lowerTransfer, type TransferSource } from './transfer.ts';

/** ADD: COPY that unpacks archives of the context, and takes URLs and git repositories. */
export const lowerAdd: Lower<'ADD'> = (state, instruction, context) => {
  const checksum = expand(context, state, instruction, instruction.checksum ?? '');
  if (checksum !== '') requireOneSource(instruction, context);
  // The download carries the title of the step that it is made for.
  const shown = shownText(context, state.environment, instruction.original);
  const { meta } = nextStep(context, state, instruction, shown);
  return lowerTransfer(state, instruction, context, (path) => {
    // A repository's address that is wrong is a mistake in the argument, anything about checksums one in the flag.
    reading(context, instruction, 'BAD_ARGUMENT', () => parseGitUrl(path));
    const git = reading(context, instruction, 'BAD_FLAG', () => gitSourceOp(path, instruction, checksum));
    if (git !== undefined) {
      return {
        vertex: context.graph.add(git, [], meta),
        pattern: '/',
        display: withoutCredentials(path),
        keepOwner: false,
        unpack: 'never',
      };
    }
    const http = reading(context, instruction, 'BAD_FLAG', () => httpSourceOp(path, checksum));
    if (http !== undefined) return httpSource(http, instruction, context, meta);
    if (checksum !== '') {
      throw failure(context, instruction, 'BAD_FLAG', 'checksum requires HTTP(S) or Git sources', {
        hint: 'Leave --checksum out: files of the build context are identified by what they hold',
      });
    }
    checkIgnored(instruction, context, path);
    const { vertex, foreignOwners } = context.mainContext();
    return {
      vertex,
      pattern: path === '' ? '/' : path,
      display: path,
      keepOwner: !foreignOwners,
      unpack: instruction.unpack === undefined ? 'auto' : instruction.unpack ? 'always' : 'never',
    };
  });
};

function requireOneSource(instruction: AddInstruction, context: StageContext): void {
  if (instruction.sources.length === 1) return;
  throw failure(context, instruction, 'BAD_FLAG', "checksum can't be specified for multiple sources", {
    hint: 'Write an ADD with a checksum of its own for each source',
  });
}

function httpSource(
  op: HttpSourceOp & { readonly filename: string },
  instruction: AddInstruction,
  context: StageContext,
  meta: VertexMeta,
): TransferSource {
  const unpack = instruction.unpack === true ? 'always' : 'never';
  return {
    vertex: context.graph.add(op, [], meta),
    pattern: literalPattern(`/${op.filename}`),
    display: withoutCredentials(op.url),
    keepOwner: false,
    unpack,
  };
}

/** The download that an ADD of `url` makes; undefined unless it is one. Throws Error for a checksum that is none. */
export function httpSourceOp(
  url: string,
  checksum: string,
): (HttpSourceOp & { readonly filename: string }) | undefined {
  if (!isHttpUrl(url)) return undefined;
  if (
    checksum !== '' &&
    !/^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/.test(checksum)
  ) {
    throw new Error(`invalid checksum digest format: ${checksum}`);
  }
  return { type: 'http', url, filename: fileNameOf(url), ...(checksum !== '' && { checksum }) };
}

/** The last element of the URL's path, query and fragment left out. */
function fileNameOf(url: string): string {
  if (!URL.canParse(url)) throw new Error(`${url} is no URL`);
  const { pathname } = new URL(url);
  let name = posix.basename(pathname);
  try {
    name = decodeURIComponent(name);
  } catch {
    // Percent signs that encode nothing are part of the name.
  }
  return name === '' || name === '.' || name === '..' || name.includes('/') ? '__unnamed__' : name;
}

function literalPattern(path: string): string {
  return path.replace(/[\\*?[]/g, '\\$&');
}

/** The checkout that an ADD of `address` makes; undefined unless it is a git repository. Throws Error. */
export function gitSourceOp(
  address: string,
  { keepGitDir }: Pick<AddInstruction, 'keepGitDir'>,
  checksum: string,
): GitSourceOp | undefined {
  const git = parseGitUrl(address);
  if (git === undefined) return undefined;
  if (keepGitDir !== undefined && git.keepGitDir !== undefined && keepGitDir !== git.keepGitDir) {
    throw new Error('inconsistent keep-git-dir configuration');
  }
  if (checksum !== '' && git.checksum !== undefined && git.checksum !== checksum) {
    throw new Error(`checksum mismatch ${JSON.stringify(checksum)} != ${JSON.stringify(git.checksum)}`);
  }
  const expected = git.checksum ?? checksum;
  return {
    type: 'git',
    ...git,
    keepGitDir: git.keepGitDir ?? keepGitDir ?? false,
    ...(expected !== '' && { checksum: expected }),
  };
}
