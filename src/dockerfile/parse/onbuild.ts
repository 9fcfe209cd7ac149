import { blankFrom } from '../blank.ts';
import { readFlags } from '../flags.ts';
import type { OnbuildInstruction } from '../instructions.ts';
import type { Statement } from './statement.ts';

/** `ONBUILD instruction`: kept as text, to be parsed when it fires. */
export function readOnbuild(statement: Statement): OnbuildInstruction {
  readFlags(statement, {});
  const text = statement.requireArgument('ONBUILD COPY . /app');
  checkTrigger(statement, text.slice(0, blankFrom(text)).toUpperCase());
  const bodies = statement.base.heredocs.map(({ content, name }) => `\n${content}${name}`);
  return { ...statement.base, keyword: 'ONBUILD', trigger: text + bodies.join('') };
}

/** Refuses what is no trigger, where it is written and where an image brings it. */
export function checkTrigger(statement: Statement, keyword: string): void {
  if (keyword === 'ONBUILD')
    throw statement.error('BAD_ARGUMENT', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", {
      hint: 'Write ONBUILD once',
    });
  if (keyword === 'FROM' || keyword === 'MAINTAINER')
    throw statement.error('BAD_ARGUMENT', `${keyword} isn't allowed as an ONBUILD trigger`, {
      hint: 'A trigger runs in the stage that uses this image as its base',
      subject: keyword,
    });
}
