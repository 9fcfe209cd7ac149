import { splitBlanks, trim } from '../blank.ts';
import { readFlags } from '../flags.ts';
import type { ExposeInstruction, VolumeInstruction } from '../instructions.ts';
import { readStrings } from './command-line.ts';
import type { Statement } from './statement.ts';

/** `EXPOSE port[/proto] …`. */
export function readExpose(statement: Statement): ExposeInstruction {
  readFlags(statement, {});
  const ports = splitBlanks(statement.requireArgument('EXPOSE 80/tcp')).sort();
  return { ...statement.base, keyword: 'EXPOSE', ports };
}

/** `VOLUME path …`, in JSON form or not. */
export function readVolume(statement: Statement): VolumeInstruction {
  readFlags(statement, {});
  const example = 'VOLUME /data';
  const text = statement.requireArgument(example);
  const paths = (readStrings(statement, text) ?? splitBlanks(text)).map(trim);
  if (paths.length === 0)
    throw statement.error('BAD_ARGUMENT', 'VOLUME requires at least one argument', {
      hint: `For example: ${example}`,
    });
  if (paths.includes(''))
    throw statement.error('BAD_ARGUMENT', 'VOLUME specified can not be an empty string', {
      hint: 'Remove the empty element',
    });
  return { ...statement.base, keyword: 'VOLUME', paths };
}
