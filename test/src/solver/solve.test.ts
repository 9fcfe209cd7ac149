import { describe, expect, test } from 'vitest';
import type { DiffId, Layer, Snapshotter } from '../../../layers/index.ts';
import type { Definition, Vertex } from '../../../src/llb/definition.ts';
import type { ProgressEvent } from '../../../src/progress/events.ts';
import type { CacheStore } from '../../../src/solver/cache-store.ts';
import type { Operation } from '../../../src/solver/operation.ts';
import { layersOf } from '../../../src/solver/result.ts';
import { solve } from '../../../src/solver/solve.ts';
import { SolveError } from '../../../src/solver/solve-error.ts';

/** A layer that is nothing but its name. */
const layer = (
  name: string,
  diff: Promise<{ diffId: DiffId; size: number }> = Promise.resolve({ diffId: name as DiffId, size: 1 }),
): Layer => ({
  diff,
  directory: () => name,
});

const namesOf = (layers: readonly Layer[]) => layers.map((one) => one.directory());

/** A graph written as `name: inputs`; every vertex is of the type `step`. */
function graph(
  steps: Readonly<Record<string, readonly string[]>>,
  ignoreCache: readonly string[] = [],
): Definition {
  const vertices = Object.entries(steps).map(([name, inputs]): [string, Vertex] => [
    name,
    {
      digest: name,
      op: { type: 'local', name },
      inputs,
      meta: { name: `step ${name}`, ignoreCache: ignoreCache.includes(name) },
    },
  ]);
  return { vertices: new Map(vertices), result: vertices.at(-1)![0] };
}

class FakeCache implements CacheStore {
  readonly records = new Map<string, readonly DiffId[]>();
  readonly held = new Set<string>();

  lookup(key: string) {
    return this.records.get(key);
  }

  save(key: string, layers: readonly DiffId[]) {
    this.records.set(key, layers);
  }

  async exclusive<T>(key: string, body: () => Promise<T>): Promise<T> {
    expect(this.held.has(key)).toBe(false);
    this.held.add(key);
    try {
      return await body();
    } finally {
      this.held.delete(key);
    }
  }
}

const snapshots = { layer: (diffId: DiffId) => layer(diffId) } as unknown as Snapshotter;

interface Run {
  readonly ran: string[];
  readonly events: ProgressEvent[];
  readonly cache: FakeCache;
  solve(definition: Definition): Promise<readonly string[]>;
}

/** Every step adds one layer of its own name; `bodies` do something first. */
function runner(
  bodies: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {},
  cache = new FakeCache(),
  reads: Readonly<Record<string, readonly number[]>> = {},
): Run {
  const ran: string[] = [];
  const events: ProgressEvent[] = [];
  const step: Operation = {
    cached: true,
    keyParts: async ({ digest }, inputs) => {
      for (const index of reads[digest] ?? []) await inputs[index]!.result();
      return [
        { name: 'op', value: digest },
        ...inputs.map(({ key }, index) => ({ name: `input ${index}`, value: key })),
      ];
    },
    readInputs: ({ digest }) => reads[digest] ?? [],
    run: async ({ digest }, inputs, { signal }) => {
      ran.push(digest);
      await bodies[digest]?.(signal);
      const below = inputs[0] === undefined ? [] : layersOf(inputs[0]);
      return { kind: 'layers', layers: [...below, layer(digest)] };
    },
  };
  return {
    ran,
    events,
    cache,
    async solve(definition) {
      const request = {
        definition,
        operations: { local: step },
        report: (event: ProgressEvent) => events.push(event),
        signal: new AbortController().signal,
        parallel: 4,
      };
      return namesOf(layersOf(await solve(request, cache, snapshots)));
    },
  };
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

describe('solve()', () => {
  test('runs what the result needs once each, inputs first', async () => {
    const run = runner();
    const layers = await run.solve(
      graph({ base: [], left: ['base'], right: ['base'], top: ['left', 'right'] }),
    );
    expect(layers).toEqual(['base', 'left', 'top']);
    expect([...run.ran].sort()).toEqual(['base', 'left', 'right', 'top']);
    expect(run.ran.indexOf('base')).toBe(0);
    expect(run.ran.at(-1)).toBe('top');
  });

  test('does not touch what the result does not need', async () => {
    const run = runner();
    await run.solve(graph({ unused: [], base: [], top: ['base'] }));
    expect(run.ran).toEqual(['base', 'top']);
  });

  test('runs independent steps at once', async () => {
    let together = 0;
    let most = 0;
    const body = async () => {
      most = Math.max(most, ++together);
      await pause(20);
      together--;
    };
    const run = runner({ a: body, b: body, c: body });
    await run.solve(graph({ a: [], b: [], c: [], top: ['a', 'b', 'c'] }));
    expect(most).toBe(3);
  });

  test('runs steps at once whose results the keys of later steps wait for, one after the other', async () => {
    let together = 0;
    let most = 0;
    const body = async () => {
      most = Math.max(most, ++together);
      await pause(20);
      together--;
    };
    const run = runner({ a: body, b: body, c: body }, undefined, { x: [1], y: [1], z: [1] });
    await run.solve(graph({ a: [], b: [], c: [], base: [], x: ['base', 'a'], y: ['x', 'b'], z: ['y', 'c'] }));
    expect(most).toBe(3);
  });

  test('takes known steps from the cache, and says so', async () => {
    const first = runner();
    const definition = graph({ base: [], top: ['base'] });
    await first.solve(definition);
    const second = runner({}, first.cache);
    expect(await second.solve(definition)).toEqual(['base', 'top']);
    expect(second.ran).toEqual([]);
    const done = second.events.filter((event) => event.kind === 'vertex' && event.completed !== undefined);
    expect(done).toHaveLength(2);
    expect(done.every((event) => event.kind === 'vertex' && event.cached)).toBe(true);
  });

  test('runs a step whose layer is gone from the store', async () => {
    const first = runner();
    const definition = graph({ base: [], top: ['base'] });
    await first.solve(definition);
    const second = runner({}, first.cache);
    for (const [key, layers] of first.cache.records)
      if (layers.includes('top' as DiffId)) first.cache.records.delete(key);
    await second.solve(definition);
    expect(second.ran).toEqual(['top']);
  });

  test('runs steps that are to ignore the cache, and those after them from the cache', async () => {
    const first = runner();
    await first.solve(graph({ base: [], top: ['base'] }));
    const second = runner({}, first.cache);
    await second.solve(graph({ base: [], top: ['base'] }, ['base']));
    expect(second.ran).toEqual(['base']);
  });

  test('fails with the step and its cause, stops the others, and waits for them', async () => {
    let stopped = false;
    const run = runner({
      bad: async () => {
        await pause(10);
        throw new Error('exit code: 1');
      },
      slow: (signal) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () =>
            setTimeout(() => {
              stopped = true;
              reject(signal.reason);
            }, 20),
          ),
        ),
    });
    const solving = run.solve(graph({ slow: [], bad: [], top: ['slow', 'bad'] }));
    await expect(solving).rejects.toThrow(SolveError);
    await expect(solving).rejects.toMatchObject({
      vertex: { digest: 'bad' },
      cause: { message: 'exit code: 1' },
    });
    expect(stopped).toBe(true);
    expect(run.ran).not.toContain('top');
    expect(run.cache.held.size).toBe(0);
  });

  test('fails when a layer cannot be hashed, although the step itself ran', async () => {
    const run = runner();
    const failing: Operation = {
      cached: true,
      keyParts: async () => [{ name: 'op', value: 'x' }],
      run: async () => ({ kind: 'layers', layers: [layer('x', Promise.reject(new Error('disk full')))] }),
    };
    const request = {
      definition: graph({ x: [] }),
      operations: { local: failing },
      report: () => {},
      signal: new AbortController().signal,
    };
    await expect(solve(request, run.cache, snapshots)).rejects.toThrow('disk full');
    expect(run.cache.records.size).toBe(0);
  });
});

describe('solve() with a cache elsewhere', () => {
  /** Promises layers by key; what it can fetch is then in the local cache. */
  class PromisingCache extends FakeCache {
    readonly promises = new Map<string, readonly DiffId[]>();
    readonly reachable = new Set<string>();
    readonly fetched: string[] = [];

    promised(key: string) {
      const layers = this.promises.get(key);
      return layers && { layers, from: 'elsewhere' };
    }

    async fetch(key: string, { digest }: Vertex) {
      this.fetched.push(digest);
      if (!this.reachable.has(key)) return undefined;
      this.records.set(key, this.promises.get(key)!);
      return 'elsewhere';
    }
  }

  /** `copy` reads what `tools` holds; its key is made of that alone, as for COPY --from. */
  const project = graph({ base: [], tools: [], copy: ['base', 'tools'] });

  function solver(
    cache: PromisingCache,
    made: Readonly<Record<string, string>> = {},
    namesSuffice?: (layers: readonly DiffId[]) => Promise<boolean>,
  ) {
    const ran: string[] = [];
    const events: ProgressEvent[] = [];
    const solved: string[] = [];
    const nameOf = (digest: string) => made[digest] ?? digest;
    const step: Operation = {
      cached: true,
      readInputs: ({ digest }) => (digest === 'copy' ? [1] : []),
      keyParts: async ({ digest }, inputs) => {
        const parts = [{ name: 'op', value: digest }];
        if (digest !== 'copy') return parts;
        const chain = await inputs[1]!.chain();
        const layers = chain ?? (await diffIds(layersOf(await inputs[1]!.result())));
        // A version of the layer with other times has the same files.
        const files = layers.map((name) => name.replace(/'$/, '')).join();
        return [...parts, { name: 'root', value: inputs[0]!.key }, { name: 'files', value: files }];
      },
      run: async ({ digest }, inputs) => {
        ran.push(digest);
        const below = inputs[0] === undefined ? [] : layersOf(inputs[0]);
        return { kind: 'layers', layers: [...below, layer(nameOf(digest))] };
      },
    };
    const request = {
      definition: project,
      operations: { local: step },
      report: (event: ProgressEvent) => events.push(event),
      solved: ({ vertex: { digest } }: { readonly vertex: Vertex }) => solved.push(digest),
      signal: new AbortController().signal,
      ...(namesSuffice && { namesSuffice }),
    };
    const run = async () => namesOf(layersOf(await solve(request, cache, snapshots)));
    return { ran, events, solved, run };
  }

  const diffIds = async (layers: readonly Layer[]) =>
    (await Promise.all(layers.map(({ diff }) => diff))).map(({ diffId }) => diffId);

  /** What another machine had of the project, by step. */
  async function filled(reachable: readonly string[]) {
    const elsewhere = new PromisingCache();
    await solver(elsewhere).run();
    const cache = new PromisingCache();
    for (const [key, layers] of elsewhere.records) {
      cache.promises.set(key, layers);
      if (reachable.includes(layers[0]!)) cache.reachable.add(key);
    }
    return cache;
  }

  test('runs nothing, and does not fetch what is only looked at', async () => {
    const cache = await filled(['base', 'tools', 'copy']);
    const { ran, events, solved, run } = solver(cache);
    expect(await run()).toEqual(['base', 'copy']);
    expect(ran).toEqual([]);
    expect([...cache.fetched].sort()).toEqual(['base', 'copy']);
    expect([...new Set(solved)].sort()).toEqual(['base', 'copy', 'tools']);
    const done = events.filter((event) => event.kind === 'vertex' && event.completed !== undefined);
    expect(done.map((event) => event.kind === 'vertex' && event.cachedFrom)).toEqual(
      Array(3).fill('elsewhere'),
    );
  });

  test('fetches nothing when the names of the layers suffice, and all when they do not', async () => {
    const cache = await filled(['base', 'tools', 'copy']);
    const asked: (readonly DiffId[])[] = [];
    const answer = (suffices: boolean) => async (layers: readonly DiffId[]) => {
      asked.push(layers);
      return suffices;
    };
    const { events, solved, run } = solver(cache, {}, answer(true));
    expect(await run()).toEqual(['base', 'copy']);
    expect(cache.fetched).toEqual([]);
    expect(solved).toEqual(['base', 'tools', 'copy']);
    const done = events.filter((event) => event.kind === 'vertex' && event.cached);
    expect(done).toHaveLength(3);
    await solver(cache, {}, answer(false)).run();
    expect([...cache.fetched].sort()).toEqual(['base', 'copy']);
    expect(asked).toEqual([
      ['base', 'copy'],
      ['base', 'copy'],
    ]);
  });

  test('runs what cannot be had, and keeps the key when the files are the same', async () => {
    const cache = await filled(['base']);
    const { ran, run } = solver(cache, { tools: "tools'" });
    expect(await run()).toEqual(['base', 'copy']);
    expect(ran).toEqual(['tools', 'copy']);
    expect([...cache.records.values()].sort()).toEqual([['base'], ['copy'], ["tools'"]]);
  });

  test('begins once more when an input turns out to have other files than it was keyed by', async () => {
    const cache = await filled(['base']);
    const keys = new Set(cache.promises.keys());
    const { ran, run } = solver(cache, { tools: 'other tools' });
    expect(await run()).toEqual(['base', 'copy']);
    expect(ran).toEqual(['tools', 'copy']);
    // Nothing is kept under the key that was made of the promise.
    const copied = [...cache.records].find(([, layers]) => layers[0] === 'copy')!;
    expect(keys.has(copied[0])).toBe(false);
  });
});
