import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Who may import whom. Add the row, then the import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  layers: [],
  'src/progress': [],
  'src/text': [],
  'src/linux': ['layers'],
  'src/llb': ['layers'],
  'src/dockerfile': ['src/llb', 'src/progress', 'src/text', 'layers'],
  'src/solver': ['src/llb', 'src/progress', 'layers'],
  'src/sandbox': ['src/linux', 'layers'],
  'src/network': ['src/linux', 'layers'],
  'src/runtime': ['src/sandbox', 'src/network', 'src/linux', 'layers'],
  'src/registry': ['src/progress', 'layers'],
  'src/ops': [
    'src/solver',
    'src/llb',
    'src/runtime',
    'src/sandbox',
    'src/network',
    'src/registry',
    'src/progress',
    'src/text',
    'layers',
  ],
  'src/exporter': ['src/registry', 'src/progress', 'layers'],
  'src/cache': ['src/exporter', 'src/registry', 'src/solver', 'src/llb', 'src/progress', 'layers'],
  'src/attest': ['src/dockerfile', 'src/llb', 'layers'],
  'src/api': [
    'src/attest',
    'src/cache',
    'src/dockerfile',
    'src/llb',
    'src/solver',
    'src/ops',
    'src/exporter',
    'src/registry',
    'src/runtime',
    'src/sandbox',
    'src/network',
    'src/linux',
    'src/progress',
    'src/text',
    'layers',
  ],
  'src/index': ['src/api'],
  'src/cli': ['src/index', 'src/api', 'src/text'],
};

/** Each dependency has one door. */
const doors: Readonly<Record<string, readonly string[]>> = {
  'dockerfile-ast': ['src/dockerfile'],
  'dns-packet': ['src/network'],
  ssri: ['layers/oci', 'layers/content'],
  commander: ['src/cli'],
  koffi: ['layers/linux', 'src/linux'],
  'smol-toml': ['src/registry'],
  fzstd: ['layers/diff'],
  'xz-decompress': ['layers/diff'],
  'unbzip2-stream': ['layers/diff'],
};

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function moduleOf(file: string): string {
  if (file.startsWith('layers/')) return 'layers';
  const [, second] = file.split('/');
  return second === undefined ? file : `src/${second.replace(/\.ts$/, '')}`;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

const files = [...sources('layers'), ...sources('src')];

test('every module imports only what its row allows', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = moduleOf(file);
    for (const specifier of importsOf(file).filter((text) => text.startsWith('.'))) {
      const target = relative(root, resolve(root, dirname(file), specifier));
      const to = moduleOf(target);
      if (to === from) continue;
      if (!(mayImport[from] ?? []).includes(to)) wrong.push(`${file} → ${target}`);
      if (to === 'layers' && target !== 'layers/index.ts')
        wrong.push(`${file} → ${target} (not through layers/index.ts)`);
    }
  }
  expect(wrong).toEqual([]);
});

test('every dependency is imported through its door', () => {
  const wrong: string[] = [];
  for (const file of files) {
    for (const specifier of importsOf(file).filter(
      (text) => !text.startsWith('.') && !text.startsWith('node:'),
    )) {
      const name = specifier.startsWith('@')
        ? specifier.split('/').slice(0, 2).join('/')
        : specifier.split('/')[0]!;
      const allowed = doors[name];
      if (allowed !== undefined && !allowed.some((door) => file.startsWith(`${door}/`)))
        wrong.push(`${file} → ${name}`);
    }
  }
  expect(wrong).toEqual([]);
});
