/** A piece of software that was found in an image. */
export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  /** purl-spec. */
  readonly purl: string;
  /** SPDX expression as the package has it; undefined when it does not say. */
  readonly license?: string;
  readonly supplier?: string;
  /** The file that tells of it, from the root. */
  readonly source: string;
}

/** `pkg:type/namespace/name@version?qualifiers`, each part encoded. */
export function purl(
  type: string,
  path: readonly string[],
  version: string,
  qualifiers: Readonly<Record<string, string | undefined>> = {},
): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%3A', ':');
  const pairs = Object.entries(qualifiers)
    .filter(([, value]) => value !== undefined && value !== '')
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${encode(value!)}`);
  const query = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  return `pkg:${type}/${path.map(encode).join('/')}@${encode(version)}${query}`;
}
