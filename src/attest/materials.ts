import {
  algorithmOf,
  type Digest,
  formatPlatform,
  hexOf,
  type Platform,
  parseReference,
} from '../../layers/index.ts';
import { withoutCredentials } from '../dockerfile/credentials.ts';
import type { GitSourceOp, HttpSourceOp } from '../llb/op.ts';

/** Something that a build was made of: SLSA's resolved dependency, in-toto's material. */
export interface Material {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** An image, by the digest that its name stood for. */
export function imageMaterial(name: string, digest: Digest, platform: Platform): Material {
  return { uri: imagePurl(name, platform), digest: { [algorithmOf(digest)]: hexOf(digest) } };
}

/** A download (sha256 of the file), or a commit. */
export function sourceMaterial(op: GitSourceOp | HttpSourceOp, found: string): Material {
  if (op.type === 'http')
    return { uri: withoutCredentials(op.url), digest: { sha256: found.replace(/^sha256:/, '') } };
  const remote = withoutCredentials(op.remote);
  const uri = op.ref === undefined ? remote : `${remote}#${op.ref}`;
  return { uri, digest: { [found.length === 64 ? 'sha256' : 'sha1']: found } };
}

/** Package URL of an image, as BuildKit writes it: purl-spec, type `docker`. */
export function imagePurl(name: string, platform: Platform): string {
  const { domain, path, tag } = parseReference(name);
  const repository = domain === 'docker.io' ? path.replace(/^library\//, '') : `${domain}/${path}`;
  const version = tag === undefined ? '' : `@${encodeURIComponent(tag)}`;
  return `pkg:docker/${repository}${version}?platform=${encodeURIComponent(formatPlatform(platform))}`;
}

/** Each once, in the order of their names. */
export function uniqueMaterials(materials: readonly Material[]): readonly Material[] {
  const byText = new Map(materials.map((material) => [JSON.stringify(material), material]));
  return [...byText.values()].sort((one, other) => (one.uri < other.uri ? -1 : 1));
}
