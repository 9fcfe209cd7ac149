// What the workloads have in common: images, and how a tool is called.
/** What is left to a run of the bench: where images come from, and how large some inputs are. */
export const base = process.env.BENCH_BASE ?? 'docker.io/library/busybox';
/** Any image of many files: touching one of them must not cost more for it. It has a C compiler. */
export const bigBase = process.env.BENCH_BIG_BASE ?? 'docker.io/library/gcc';
export const nodeBase = process.env.BENCH_NODE_BASE ?? 'docker.io/library/node';
export const debianBase = process.env.BENCH_DEBIAN_BASE ?? 'docker.io/library/debian';
/** Where to push to; every tool must be able to without asking. */
export const registry = process.env.BENCH_REGISTRY ?? '127.0.0.1:5000';
export const baseGibibytes = Number(process.env.BENCH_BASE_GIB ?? 5);

export const lines = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');
export const cold = (tool, tag, context) => tool.build(tag, context, { fresh: true });
export const warm = (tool, tag, context) => tool.build(tag, context);
/** Bytes of memory that a limited command may use. */
export const MEMORY_LIMIT = 512e6;
