import type { Spec } from './spec.ts';

/** RLIM_INFINITY, which the document says in full, and JavaScript's numbers cannot. */
const UNLIMITED = '18446744073709551615';

/**
 * config.json as other runtimes read it. Numbers beyond 2⁵³ are written as they are. `owner`: the process whose
 * descriptors the paths of namespaces mean.
 */
export function bundleConfig(spec: Spec, owner: number): string {
  const namespaces = spec.linux.namespaces.map((namespace) =>
    namespace.path === undefined ? namespace : { ...namespace, path: absolute(namespace.path, owner) },
  );
  const mounts = spec.mounts.map((mount) =>
    mount.source === undefined ? mount : { ...mount, source: absolute(mount.source, owner) },
  );
  return specText({ ...spec, ociVersion: '1.0.2', mounts, linux: { ...spec.linux, namespaces } });
}

/** The document, indented. */
export function specText(spec: Spec): string {
  const text = JSON.stringify(
    spec,
    (key, value: unknown) => {
      if (typeof value === 'bigint') return `@number ${value}`;
      return (key === 'soft' || key === 'hard') && value === -1 ? `@number ${UNLIMITED}` : value;
    },
    2,
  );
  return `${text.replaceAll(/"@number (\d+)"/g, '$1')}\n`;
}

const absolute = (path: string, owner: number) =>
  path.replace(/^\/proc\/(self|thread-self)\//, `/proc/${owner}/`);
