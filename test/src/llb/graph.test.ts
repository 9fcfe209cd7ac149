import { describe, expect, test } from 'vitest';
import type { VertexMeta } from '../../../src/llb/definition.ts';
import { GraphBuilder, vertexDigest } from '../../../src/llb/graph.ts';
import type { FileOp } from '../../../src/llb/op.ts';

const meta = (name: string, ignoreCache = false): VertexMeta => ({ name, ignoreCache });
const mkdir = (path: string): FileOp => ({ type: 'file', actions: [{ kind: 'mkdir', path, mode: 0o755 }] });

test('vertexDigest() depends on the op and on the inputs, in order', () => {
  const scratch = vertexDigest({ type: 'scratch' }, []);
  expect(scratch).toMatch(/^sha256:[0-9a-f]{64}$/);
  const a = vertexDigest(mkdir('/a'), [scratch]);
  const b = vertexDigest(mkdir('/b'), [scratch]);
  expect(a).not.toBe(b);
  expect(vertexDigest({ type: 'merge' }, [a, b])).not.toBe(vertexDigest({ type: 'merge' }, [b, a]));
  expect(vertexDigest(mkdir('/a'), [scratch])).toBe(a);
});

describe('GraphBuilder', () => {
  test('keeps one vertex for equal steps, and the wish of either not to use the cache', () => {
    const graph = new GraphBuilder();
    const scratch = graph.add({ type: 'scratch' }, [], meta('scratch'));
    const first = graph.add(mkdir('/a'), [scratch], meta('first'));
    expect(graph.add(mkdir('/a'), [scratch], meta('second', true))).toBe(first);
    const { vertices } = graph.definition(first);
    expect(vertices.size).toBe(2);
    expect(vertices.get(first)!.meta).toEqual(meta('first', true));
  });

  test('definition() holds what the result needs and nothing else, inputs first', () => {
    const graph = new GraphBuilder();
    const scratch = graph.add({ type: 'scratch' }, [], meta('scratch'));
    const unused = graph.add(mkdir('/unused'), [scratch], meta('unused'));
    const a = graph.add(mkdir('/a'), [scratch], meta('a'));
    const b = graph.add(mkdir('/b'), [a], meta('b'));
    const merged = graph.add({ type: 'merge' }, [b, a], meta('merged'));
    const { vertices, result } = graph.definition(merged);
    expect(result).toBe(merged);
    expect([...vertices.values()].map(({ meta: { name } }) => name)).toEqual(['scratch', 'a', 'b', 'merged']);
    expect(vertices.has(unused)).toBe(false);
  });

  test('add() refuses inputs that it does not have', () => {
    expect(() => new GraphBuilder().add(mkdir('/a'), ['sha256:0'], meta('a'))).toThrow('not in the graph');
  });
});
