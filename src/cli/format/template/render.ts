import { UsageError } from '../../usage-error.ts';
import { type Node, type Operand, type Pipeline, parseTemplate } from './parse.ts';

/** Renders a Go template over a plain value, with Docker's functions. A field that is not there is an error. */
export function renderTemplate(template: string, data: unknown): string {
  const renderer = new Renderer(template, data);
  return renderer.render(parseTemplate(template), { dot: data, variables: new Map([['$', data]]) });
}

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
}

type Callable = (args: readonly unknown[]) => unknown;

const compareValues =
  (test: (a: string | number, b: string | number) => boolean): Callable =>
  ([a, b]) =>
    test(a as number, b as number);

/** text/template's functions and those that Docker adds. */
const FUNCTIONS: Readonly<Record<string, Callable>> = {
  json: ([value]) => JSON.stringify(value ?? null),
  index: ([value, ...keys]) => keys.reduce(elementOf, value),
  len: ([value]) =>
    typeof value === 'string' || Array.isArray(value)
      ? value.length
      : Object.keys((value ?? {}) as object).length,
  join: ([values, separator]) =>
    ((values ?? []) as readonly unknown[]).map(String).join(String(separator ?? '')),
  split: ([text, separator]) => String(text).split(String(separator)),
  lower: ([text]) => String(text).toLowerCase(),
  upper: ([text]) => String(text).toUpperCase(),
  title: ([text]) => String(text).replace(/\b\w/g, (letter) => letter.toUpperCase()),
  pad: ([text, before, after]) => ' '.repeat(Number(before)) + String(text) + ' '.repeat(Number(after)),
  truncate: ([text, length]) => String(text).slice(0, Number(length)),
  println: (values) => `${values.map(show).join(' ')}\n`,
  print: (values) => values.map(show).join(''),
  printf: ([format, ...values]) => printf(String(format), values),
  slice: ([value, from, to]) =>
    (value as string).slice(Number(from ?? 0), to === undefined ? undefined : Number(to)),
  not: ([value]) => !truth(value),
  and: (values) => values.find((value) => !truth(value)) ?? values.at(-1),
  or: (values) => values.find(truth) ?? values.at(-1),
  eq: ([value, ...others]) => others.includes(value),
  ne: ([a, b]) => a !== b,
  lt: compareValues((a, b) => a < b),
  le: compareValues((a, b) => a <= b),
  gt: compareValues((a, b) => a > b),
  ge: compareValues((a, b) => a >= b),
};

/** Fields with names that people choose: one that is not there has no value, and is no mistake. */
const MAPS_OF_TEXT = new Set(['Labels', 'Options', 'Annotations']);

class Renderer {
  constructor(
    readonly template: string,
    readonly data: unknown,
  ) {}

  render(nodes: readonly Node[], scope: Scope): string {
    return nodes.map((node) => this.#node(node, scope)).join('');
  }

  #node(node: Node, scope: Scope): string {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'print':
        return show(this.#pipeline(node.pipeline, scope));
      case 'assign':
        scope.variables.set(node.variable, this.#pipeline(node.pipeline, scope));
        return '';
      case 'if':
        return this.render(truth(this.#pipeline(node.pipeline, scope)) ? node.body : node.otherwise, scope);
      case 'with': {
        const value = this.#pipeline(node.pipeline, scope);
        return truth(value)
          ? this.render(node.body, { ...scope, dot: value })
          : this.render(node.otherwise, scope);
      }
      case 'range':
        return this.#range(node, scope);
    }
  }

  #range(node: Extract<Node, { kind: 'range' }>, scope: Scope): string {
    const value = this.#pipeline(node.pipeline, scope);
    const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
      ? [...value.entries()]
      : isObject(value)
        ? // Go ranges over maps in the order of their keys.
          Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
        : [];
    if (entries.length === 0) return this.render(node.otherwise, scope);
    return entries
      .map(([key, item]) => {
        const variables = new Map(scope.variables);
        const [first, second] = node.variables;
        if (second !== undefined) variables.set(first!, key).set(second, item);
        else if (first !== undefined) variables.set(first, item);
        return this.render(node.body, { dot: item, variables });
      })
      .join('');
  }

  #pipeline(pipeline: Pipeline, scope: Scope): unknown {
    let result: unknown;
    for (const [index, command] of pipeline.entries()) {
      const handed = index === 0 ? [] : [result];
      result = this.#command(command, handed, scope);
    }
    return result;
  }

  #command([head, ...rest]: readonly Operand[], handed: readonly unknown[], scope: Scope): unknown {
    const args = [...rest.map((operand) => this.#operand(operand, scope)), ...handed];
    if (head?.kind !== 'function') {
      const value = this.#operand(head!, scope);
      return typeof value === 'function' ? (value as (argument: unknown) => unknown)(args[0]) : value;
    }
    const call = Object.hasOwn(FUNCTIONS, head.name) ? FUNCTIONS[head.name] : undefined;
    if (call === undefined) this.#fail(`function "${head.name}" not defined`);
    return call!(args);
  }

  #operand(operand: Operand, scope: Scope): unknown {
    switch (operand.kind) {
      case 'literal':
        return operand.value;
      case 'group':
        return this.#fields(this.#pipeline(operand.pipeline, scope), operand.fields);
      case 'path':
        return this.#fields(
          operand.variable === undefined ? scope.dot : this.#variable(operand.variable, scope),
          operand.fields,
        );
      case 'function':
        return this.#command([operand], [], scope);
    }
  }

  #variable(name: string, scope: Scope): unknown {
    if (!scope.variables.has(name)) this.#fail(`undefined variable "${name}"`);
    return scope.variables.get(name);
  }

  #fields(value: unknown, fields: readonly string[]): unknown {
    let at = value;
    for (const [index, field] of fields.entries()) {
      if (!isObject(at)) this.#fail(`<.${fields.join('.')}>: nil data; no entry for key "${field}"`);
      if (!Object.hasOwn(at as object, field)) {
        if (MAPS_OF_TEXT.has(fields[index - 1] ?? '')) return undefined;
        this.#fail(
          `<.${fields.join('.')}>: can't evaluate field ${field}: there are ${Object.keys(at as object).join(', ')}`,
        );
      }
      at = (at as Record<string, unknown>)[field];
    }
    return at;
  }

  #fail(reason: string): never {
    throw new UsageError(`template: '${this.template}': ${reason}`);
  }
}

/** `index` of one key. A map of texts has the empty text for a key that it lacks; a list has an end. */
function elementOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const at = Number(key);
    if (at >= 0 && at < value.length) return value[at];
    throw new UsageError(`template: error calling index: index out of range: ${key}`);
  }
  if (!isObject(value)) throw new UsageError('template: error calling index: index of untyped nil');
  if (Object.hasOwn(value, key as PropertyKey)) return Reflect.get(value, key as PropertyKey);
  const values = Object.values(value);
  return values.length > 0 && values.every((other) => typeof other === 'string') ? '' : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go prints a value: lists in brackets, maps as `map[k:v]`. */
function show(value: unknown): string {
  if (value === undefined) return '<no value>';
  // Nearly always a list of which there is nothing, such as Entrypoint.
  if (value === null) return '[]';
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, item]) => `${key}:${show(item)}`).join(' ')}]`;
  }
  return String(value);
}

/** %s %v %d %q and widths. */
function printf(format: string, values: readonly unknown[]): string {
  let at = 0;
  return format.replace(/%(-?\d*)([svdq%])/g, (_, width: string, verb: string) => {
    if (verb === '%') return '%';
    const value = values[at++];
    const text = verb === 'q' ? JSON.stringify(show(value)) : show(value);
    const size = Math.abs(Number(width));
    return width.startsWith('-') ? text.padEnd(size) : text.padStart(size);
  });
}
