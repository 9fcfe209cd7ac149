import { splitBlanks } from '../blank.ts';
import { readFlags } from '../flags.ts';
import type { FromInstruction } from '../instructions.ts';
import type { Statement } from './statement.ts';

const stageName = /^[a-z][a-z0-9-_.]*$/;

/** `FROM [--platform=p] image [AS name]`. */
export function readFrom(statement: Statement): FromInstruction {
  const { platform } = readFlags(statement, { platform: 'string' });
  const [image, writtenAs, writtenName, ...more] = splitBlanks(statement.rest);
  const base = {
    ...statement.base,
    keyword: 'FROM',
    ...(platform !== undefined && { platform }),
  } as const;
  if (image !== undefined && writtenAs === undefined) return { ...base, image };
  const wellFormed = writtenAs?.toLowerCase() === 'as' && writtenName !== undefined && more.length === 0;
  if (image === undefined || !wellFormed)
    throw statement.error('BAD_ARGUMENT', 'FROM requires either one or three arguments', {
      hint: `Write FROM ${image ?? 'IMAGE'} or FROM ${image ?? 'IMAGE'} AS NAME`,
      ...(writtenAs !== undefined && { subject: writtenAs }),
    });
  const name = writtenName.toLowerCase();
  if (!stageName.test(name))
    throw statement.error(
      'BAD_ARGUMENT',
      `invalid name for build stage: ${JSON.stringify(writtenName)}, name can't start with a number or contain symbols`,
      {
        hint: 'Begin with a letter and go on with letters, digits, -, _ and .; variables do not work here',
        subject: writtenName,
      },
    );
  return { ...base, image, name, writtenName, writtenAs };
}
