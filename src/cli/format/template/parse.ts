import { UsageError } from '../../usage-error.ts';

/** The part of Go's text/template that people write after `--format`. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: 'range';
      readonly variables: readonly string[];
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: 'assign'; readonly variable: string; readonly pipeline: Pipeline };

/** Commands whose results are handed on as last arguments. */
export type Pipeline = readonly (readonly Operand[])[];

export type Operand =
  | {
      readonly kind: 'path' /** `$name`, `$` or undefined for the dot. */;
      readonly variable?: string;
      readonly fields: readonly string[];
    }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'group'; readonly pipeline: Pipeline; readonly fields: readonly string[] };

/** Parses a template; throws {@link UsageError} that quotes it. */
export function parseTemplate(text: string): readonly Node[] {
  const parser = new Parser(text);
  return parser.all();
}

const ACTION = /\{\{(-\s)?([\s\S]*?)(\s-)?\}\}/g;
const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?\d+(?:\.\d+)?)(?![\w.])|(\$?\w*(?:\.\w+)+|\$\w*|\.)|(\w+)|(:=|[|(),=])|(\S))/gy;

type Piece = { readonly text: string } | { readonly action: string };

class Parser {
  readonly #pieces: Piece[] = [];
  #at = 0;

  constructor(readonly source: string) {
    let from = 0;
    let trim = false;
    for (const match of source.matchAll(ACTION)) {
      const text = source.slice(from, match.index);
      const left = trim ? text.trimStart() : text;
      this.#pieces.push({ text: match[1] ? left.trimEnd() : left }, { action: match[2]!.trim() });
      from = match.index + match[0].length;
      trim = match[3] !== undefined;
    }
    const rest = source.slice(from);
    if (rest.includes('{{')) this.#fail('unclosed action');
    this.#pieces.push({ text: trim ? rest.trimStart() : rest });
  }

  all(): readonly Node[] {
    const { nodes, end } = this.#block();
    if (end !== undefined) this.#fail(`unexpected {{${end}}}`);
    return nodes;
  }

  /** Nodes up to `end`, `else` or the end of the template. */
  #block(): { readonly nodes: readonly Node[]; readonly end: string | undefined } {
    const nodes: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++]!;
      if ('text' in piece) {
        if (piece.text !== '') nodes.push({ kind: 'text', text: piece.text });
        continue;
      }
      const [word] = piece.action.split(/\s/, 1);
      if (word === 'end' || word === 'else') return { nodes, end: piece.action };
      if (!piece.action.startsWith('/*')) nodes.push(this.#action(piece.action));
    }
    return { nodes, end: undefined };
  }

  #action(action: string): Node {
    const match = /^(if|with|range)\s+([\s\S]*)$/.exec(action);
    if (match === null) {
      const assignment = /^(\$\w+)\s*:?=\s*([\s\S]*)$/.exec(action);
      if (assignment !== null)
        return { kind: 'assign', variable: assignment[1]!, pipeline: this.#pipeline(assignment[2]!) };
      return { kind: 'print', pipeline: this.#pipeline(action) };
    }
    const kind = match[1] as 'if' | 'with' | 'range';
    const { body, otherwise } = this.#bodies();
    if (kind !== 'range') return { kind, pipeline: this.#pipeline(match[2]!), body, otherwise };
    const variables = /^(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=\s*([\s\S]*)$/.exec(match[2]!);
    const names =
      variables === null ? [] : [variables[1]!, variables[2]].filter((name) => name !== undefined);
    return { kind, variables: names, pipeline: this.#pipeline(variables?.[3] ?? match[2]!), body, otherwise };
  }

  #bodies(): { readonly body: readonly Node[]; readonly otherwise: readonly Node[] } {
    const { nodes: body, end } = this.#block();
    if (end === undefined) this.#fail('missing {{end}}');
    if (end === 'end') return { body, otherwise: [] };
    const nested = /^else\s+((?:if|with)\s[\s\S]*)$/.exec(end!);
    if (nested !== null) return { body, otherwise: [this.#action(nested[1]!)] };
    const { nodes: otherwise, end: last } = this.#block();
    if (last !== 'end') this.#fail('missing {{end}}');
    return { body, otherwise };
  }

  #pipeline(text: string): Pipeline {
    const tokens = [...text.matchAll(TOKEN)];
    let at = 0;
    const pipeline = (nested: boolean): Pipeline => {
      const commands: Operand[][] = [[]];
      for (; at < tokens.length; at++) {
        const [, quoted, number, path, word, symbol, other] = tokens[at]!;
        const command = commands.at(-1)!;
        if (quoted !== undefined) command.push({ kind: 'literal', value: unquote(quoted) });
        else if (number !== undefined) command.push({ kind: 'literal', value: Number(number) });
        else if (path !== undefined) command.push(pathOperand(path));
        else if (word !== undefined) command.push(wordOperand(word));
        else if (symbol === '|') commands.push([]);
        else if (symbol === '(') {
          at++;
          const inner = pipeline(true);
          const following = tokens[at + 1]?.[3];
          const attached = following?.startsWith('.') && following !== '.' && !/^\s/.test(tokens[at + 1]![0]);
          if (attached) at++;
          command.push({
            kind: 'group',
            pipeline: inner,
            fields: attached ? following!.split('.').slice(1) : [],
          });
        } else if (symbol === ')' && nested) return commands;
        else this.#fail(`unexpected "${symbol ?? other}" in {{${text}}}`);
      }
      if (nested) this.#fail(`unclosed "(" in {{${text}}}`);
      return commands;
    };
    const parsed = pipeline(false);
    if (parsed.some((command) => command.length === 0)) this.#fail(`missing value in {{${text}}}`);
    return parsed;
  }

  #fail(reason: string): never {
    throw new UsageError(`template parsing error: ${reason} in '${this.source}'`);
  }
}

function unquote(text: string): string {
  return text.startsWith('`') ? text.slice(1, -1) : (JSON.parse(text) as string);
}

function pathOperand(text: string): Operand {
  if (text === '.') return { kind: 'path', fields: [] };
  const [first, ...fields] = text.split('.');
  return first === '' ? { kind: 'path', fields } : { kind: 'path', variable: first!, fields };
}

function wordOperand(word: string): Operand {
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
  if (word === 'nil') return { kind: 'literal', value: null };
  return { kind: 'function', name: word };
}
