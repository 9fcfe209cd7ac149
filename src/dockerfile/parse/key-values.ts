import { blankFrom, wordFrom } from '../blank.ts';
import { readFlags } from '../flags.ts';
import type { ArgInstruction, EnvInstruction, KeyValue, LabelInstruction } from '../instructions.ts';
import { splitWords } from '../words.ts';
import type { Statement } from './statement.ts';

/** `ENV k=v …`, or the legacy `ENV k rest of line`. */
export function readEnv(statement: Statement): EnvInstruction {
  return { ...statement.base, keyword: 'ENV', pairs: readPairs(statement) };
}

/** `LABEL k=v …`, or the legacy `LABEL k rest of line`. */
export function readLabel(statement: Statement): LabelInstruction {
  return { ...statement.base, keyword: 'LABEL', pairs: readPairs(statement) };
}

/** `ARG name[=default] …`. */
export function readArg(statement: Statement): ArgInstruction {
  readFlags(statement, {});
  const text = statement.requireArgument('ARG VERSION=1.0');
  const args = splitWords(text, statement.escapeChar).map((word) =>
    word.includes('=') ? splitPair(statement, word) : { key: word, legacy: false },
  );
  return { ...statement.base, keyword: 'ARG', args };
}

function readPairs(statement: Statement): KeyValue[] {
  readFlags(statement, {});
  const { keyword, escapeChar } = statement;
  const text = statement.requireArgument(`${keyword} name=value`);
  const words = splitWords(text, escapeChar);
  // The first word decides: without "=" the whole line is one pair.
  if (words[0]?.includes('=') !== true) return [readLegacyPair(statement, text)];
  for (const word of words)
    if (!word.includes('='))
      throw statement.error(
        'SYNTAX',
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
        { hint: `Quote a value with blanks: ${keyword} name="one two"`, subject: word },
      );
  return words.map((word) => splitPair(statement, word));
}

function readLegacyPair(statement: Statement, text: string): KeyValue {
  const end = blankFrom(text);
  if (end === text.length)
    throw statement.error('BAD_ARGUMENT', `${statement.keyword} must have two arguments`, {
      hint: `Write ${statement.keyword} ${text}=VALUE`,
      subject: text,
    });
  return { key: text.slice(0, end), value: text.slice(wordFrom(text, end)), legacy: true };
}

function splitPair(statement: Statement, word: string): KeyValue {
  const equals = word.indexOf('=');
  if (equals === 0)
    throw statement.error('BAD_ARGUMENT', `${statement.keyword} names can not be blank`, {
      hint: `Write a name before ${word}, without a blank between`,
      subject: word,
    });
  return { key: word.slice(0, equals), value: word.slice(equals + 1), legacy: false };
}
