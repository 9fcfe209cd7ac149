import { algorithmOf, type Digest, hexOf } from '../../layers/index.ts';

/** in-toto statement v0.1, which is what BuildKit attaches and verifiers of images read. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v0.1';
  readonly predicateType: string;
  readonly subject: readonly Subject[];
  readonly predicate: object;
}

export interface Subject {
  readonly name: string;
  readonly digest: Readonly<Record<string, string>>;
}

export function statement(predicateType: string, subject: readonly Subject[], predicate: object): Statement {
  return { _type: 'https://in-toto.io/Statement/v0.1', predicateType, subject, predicate };
}

/** An image is what is attested, by each of its names; without a name, `_`. */
export function imageSubjects(names: readonly string[], digest: Digest): readonly Subject[] {
  const named = names.length === 0 ? ['_'] : names;
  return named.map((name) => ({ name, digest: { [algorithmOf(digest)]: hexOf(digest) } }));
}
