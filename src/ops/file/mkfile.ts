import { bytePath, displayPath, StoreError, type TreeWriter } from '../../../layers/index.ts';
import type { MakeFileAction } from '../../llb/op.ts';
import { OperationError } from '../operation-error.ts';
import { modeRule, parentMode } from './chmod.ts';
import { ROOT, resolveOwner } from './owner.ts';
import { placeFile } from './place.ts';

/** COPY or ADD of a heredoc: a file with the text given. */
export function makeFile(writer: TreeWriter, action: MakeFileAction): void {
  const name = bytePath(action.name);
  if (!isFileName(name)) {
    throw new OperationError(
      'INVALID_ARGUMENT',
      action.name,
      `Cannot write the here-document ${JSON.stringify(action.name)}: its delimiter is no file name`,
    );
  }
  const owner = action.owner === undefined ? ROOT : resolveOwner(writer.tree, action.owner);
  const mode =
    action.mode === undefined ? action.defaultMode : modeRule(action.mode)(action.defaultMode, false);
  const parents = { ...owner, mode: parentMode(action.mode) };
  const target = placeFile(writer, bytePath(action.destination), name, parents);
  try {
    writer.file(target, Buffer.from(action.data), { ...owner, mode });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'IS_A_DIRECTORY') throw error;
    const subject = displayPath(target);
    const message = `cannot replace to directory ${subject} with file`;
    throw new OperationError('IS_A_DIRECTORY', subject, message, { cause: error });
  }
}

function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && name.length <= 255;
}
