import { didYouMean, suggest } from '../../text/suggest.ts';
import { readFlags } from '../flags.ts';
import { isFileName, isOnlyHeredoc } from '../heredoc.ts';
import type { RunInstruction } from '../instructions.ts';
import { readCommandLine } from './command-line.ts';
import type { Statement } from './statement.ts';

const networks = ['default', 'none', 'host'];
const securities = ['sandbox', 'insecure'];

/** `RUN [flags] command`; the heredocs are those that the text announces, for the shell to read. */
export function readRun(statement: Statement): RunInstruction {
  const flags = readFlags(statement, {
    mount: 'list',
    network: 'string',
    security: 'string',
    device: 'list',
  });
  const { network, security } = flags;
  checkChoice(
    statement,
    'network',
    network,
    networks,
    (value) => `invalid network mode ${JSON.stringify(value)}`,
  );
  checkChoice(
    statement,
    'security',
    security,
    securities,
    (value) => `security ${JSON.stringify(value)} is not valid`,
  );
  checkScriptName(statement);
  return {
    ...statement.base,
    keyword: 'RUN',
    command: readCommandLine(statement, statement.rest),
    mounts: flags.mount,
    devices: flags.device,
    ...(network !== undefined && { network }),
    ...(security !== undefined && { security }),
  };
}

function checkChoice(
  statement: Statement,
  flag: string,
  value: string | undefined,
  choices: readonly string[],
  message: (value: string) => string,
): void {
  if (value === undefined || choices.includes(value)) return;
  throw statement.error('BAD_FLAG', message(value) + didYouMean(suggest(value, choices)), {
    hint: `Write one of ${choices.map((choice) => `--${flag}=${choice}`).join(', ')}`,
    subject: `--${flag}`,
  });
}

/** A body alone that begins with `#!` becomes a file of the delimiter's name. */
function checkScriptName(statement: Statement): void {
  const [script] = statement.base.heredocs;
  if (script === undefined || !script.content.startsWith('#!') || isFileName(script.name)) return;
  if (isOnlyHeredoc(statement.rest))
    throw statement.error('BAD_ARGUMENT', `heredoc name "${script.name}" is not a file name`, {
      hint: 'Choose a delimiter without / for a script that begins with #!',
      subject: statement.rest,
    });
}
