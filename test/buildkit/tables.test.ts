import { test } from 'vitest';
import { formatPlatform, hostPlatform, parsePlatform } from '../../layers/index.ts';
import { parseChmod } from '../../src/dockerfile/chmod.ts';
import { readDirectives } from '../../src/dockerfile/directives.ts';
import { expandWord } from '../../src/dockerfile/expand.ts';
import { parsePorts } from '../../src/dockerfile/expose.ts';
import { parseGitUrl } from '../../src/dockerfile/git-url.ts';
import { readJsonForm } from '../../src/dockerfile/json-form.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { compileIgnore } from '../../src/llb/ignore-patterns.ts';
import { selectionDigest } from '../../src/ops/content-digest.ts';
import { modeRule } from '../../src/ops/file/chmod.ts';
import { selectSources } from '../../src/ops/file/select.ts';
import { Pace } from '../../src/ops/pace.ts';
import { buildkitTable, compareWithBuildKit } from '../support/buildkit-tables.ts';
import { instructionDump } from '../support/instruction-dump.ts';
import { MemoryTree, type Sketch } from '../support/memory-tree.ts';

type Variables = Readonly<Record<string, string>>;

const expand = (word: string, env: Variables) =>
  expandWord(word, new Map(Object.entries(env)), { escapeChar: '\\' });

const parse = (text: string) => parseDockerfile({ file: 'Dockerfile', text }).instructions;

test('expandWord() expands words as BuildKit does', () => {
  const { env } = buildkitTable<{ readonly env: Variables }>('words');
  return compareWithBuildKit('words', (word: string) => expand(word, env).text);
});

test('expandWord() splits words as BuildKit does', () =>
  compareWithBuildKit(
    'word-lists',
    ({ word, env }: { readonly word: string; readonly env: Variables }) => expand(word, env).words,
  ));

test('expandWord() applies modifiers, and tells which names had a value, as BuildKit does', () =>
  compareWithBuildKit('modifiers', ({ word, env }: { readonly word: string; readonly env: Variables }) => {
    const { text, used, unset } = expand(word, env);
    return { text, used: [...used].sort(), unset: [...unset].sort() };
  }));

test('expandWord() demands values as BuildKit does', () =>
  compareWithBuildKit(
    'required',
    ({ word, env }: { readonly word: string; readonly env: Variables }) => expand(word, env).text,
  ));

test('compileIgnore() matches as BuildKit does', () =>
  compareWithBuildKit(
    'patterns',
    ({ patterns, path }: { readonly patterns: readonly string[]; readonly path: string }) =>
      compileIgnore(patterns).ignored(path),
  ));

test('parseGitUrl() reads repositories as BuildKit does', () => compareWithBuildKit('git-urls', parseGitUrl));

test('parsePorts() reads ports as BuildKit does', () => compareWithBuildKit('ports', parsePorts));

test('parsePlatform() reads platforms as BuildKit does', () => {
  const { architecture, variant } = hostPlatform();
  const host = variant === undefined ? architecture : `${architecture}/${variant}`;
  return compareWithBuildKit('platforms', (text: string) =>
    formatPlatform(parsePlatform(text)).replace(
      text.includes('/') || /^[^(]*(?:arm|arch|86|s390)/.test(text) ? /$/ : `/${host}`,
      (found) => (found === '' ? '' : '/HOST'),
    ),
  );
});

test('readJsonForm() knows JSON forms as BuildKit does', () =>
  compareWithBuildKit('json-forms', readJsonForm));

test('parseDockerfile() reads heredocs as BuildKit does', () =>
  compareWithBuildKit('heredocs', (text: string) =>
    parse(`FROM scratch\n${text}\n`)[1]!.heredocs.map(({ range: _, ...heredoc }) => heredoc),
  ));

test('parseDockerfile() reads instructions as BuildKit does', () =>
  compareWithBuildKit('instructions', (text: string) =>
    parse(`FROM scratch\n${text.replace(/\{(\d+)\}/, (_, count) => 'x'.repeat(Number(count)))}`)
      .slice(1)
      .map(instructionDump),
  ));

test('readDirectives() reads directives as BuildKit does', () =>
  compareWithBuildKit('directives', (text: string) => {
    const { escapeChar, syntax, check } = readDirectives({ file: 'Dockerfile', text });
    return { escape: escapeChar, syntax: syntax?.ref ?? null, check: check !== undefined };
  }));

test('parseChmod() and what applies it change modes as BuildKit does', () =>
  compareWithBuildKit(
    'modes',
    (given: { readonly chmod: string; readonly mode: string; readonly directory: boolean }) =>
      modeRule(parseChmod(given.chmod))(Number.parseInt(given.mode, 8), given.directory).toString(8),
  ));

test('selectionDigest() tells contents apart as BuildKit does', () => {
  type Side = readonly [tree: string, sources: readonly string[]];
  interface Pair {
    readonly one: Side;
    readonly other: Side;
    readonly exclude?: readonly string[];
    readonly excludeOther?: readonly string[];
  }
  const { trees } = buildkitTable<{
    readonly trees: Readonly<Record<string, Record<string, string | null>>>;
  }>('selections');
  const digest = ([name, sources]: Side, exclude: readonly string[] = []) => {
    const tree = new MemoryTree(
      Object.fromEntries(Object.entries(trees[name]!).map(([path, text]) => [path, sketch(text)])),
    );
    const selected = selectSources(tree, { sources, display: sources, exclude, parents: false });
    const roots = selected.flatMap((source) => source.roots);
    return selectionDigest(
      tree,
      roots,
      { modes: true, owners: false },
      new Pace(new AbortController().signal),
    );
  };
  return compareWithBuildKit(
    'selections',
    async ({ one, other, exclude, excludeOther = exclude }: Pair) =>
      (await digest(one, exclude)) === (await digest(other, excludeOther)),
  );
});

function sketch(text: string | null): Sketch {
  if (text === null) return { type: 'directory' };
  return text.startsWith('-> ') ? { target: text.slice(3) } : text;
}
