/** Bytes that have to come in while a window of waiting passes. */
const LEAST = 4096;
const WINDOW = 60_000;

/**
 * The same chunks; fails when bytes only drip in, which no idle timeout notices. Only the time spent waiting for the
 * other side counts, in milliseconds, not that which the reader takes.
 */
export async function* paced(body: AsyncIterable<Buffer>, window = WINDOW): AsyncGenerator<Buffer> {
  const iterator = body[Symbol.asyncIterator]();
  let waited = 0;
  let received = 0;
  try {
    for (;;) {
      const asked = performance.now();
      const { value, done } = await iterator.next();
      if (done === true) return;
      waited += performance.now() - asked;
      received += value.length;
      if (received >= LEAST) [waited, received] = [0, 0];
      else if (waited > window) throw Object.assign(new Error('it sends too slowly'), { code: 'ESLOW' });
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
