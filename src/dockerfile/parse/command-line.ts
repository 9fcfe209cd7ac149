import { readFlags } from '../flags.ts';
import type {
  CmdInstruction,
  CommandLine,
  EntrypointInstruction,
  ShellInstruction,
} from '../instructions.ts';
import { readJsonForm } from '../json-form.ts';
import type { Statement } from './statement.ts';

export function readCmd(statement: Statement): CmdInstruction {
  readFlags(statement, {});
  return { ...statement.base, keyword: 'CMD', command: readCommandLine(statement, statement.rest) };
}

export function readEntrypoint(statement: Statement): EntrypointInstruction {
  readFlags(statement, {});
  return { ...statement.base, keyword: 'ENTRYPOINT', command: readCommandLine(statement, statement.rest) };
}

/** `SHELL ["executable", "argument"]`: JSON form only. */
export function readShell(statement: Statement): ShellInstruction {
  readFlags(statement, {});
  const example = 'SHELL ["/bin/bash", "-c"]';
  const command = readCommandLine(statement, statement.requireArgument(example));
  if (command.form === 'shell')
    throw statement.error('BAD_ARGUMENT', 'SHELL requires the arguments to be in JSON form', {
      hint: `For example: ${example}, with double quotes`,
    });
  if (command.args.length === 0)
    throw statement.error('BAD_ARGUMENT', 'SHELL requires at least one argument', {
      hint: `For example: ${example}`,
    });
  return { ...statement.base, keyword: 'SHELL', shell: command.args };
}

/** Exec form when the text is a JSON array of strings, else shell form. */
export function readCommandLine(statement: Statement, text: string): CommandLine {
  const args = readStrings(statement, text);
  return args === undefined ? { form: 'shell', text } : { form: 'exec', args };
}

/** The elements of a JSON array of strings; undefined for any other text. */
export function readStrings(statement: Statement, text: string): readonly string[] | undefined {
  const strings = readJsonForm(text);
  if (strings !== 'not-strings') return strings;
  throw statement.error(
    'BAD_ARGUMENT',
    'when using JSON array syntax, arrays must be comprised of strings only',
    { hint: 'Put every element in double quotes: ["sleep", "10"]' },
  );
}
