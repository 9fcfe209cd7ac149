import { randomBytes } from '../../layers/index.ts';

/** 64 hex digits. */
export function newContainerId(): string {
  return randomBytes(32).toString('hex');
}

const QUALITIES =
  'agile bold brave bright calm clever crisp eager fair fleet gentle glad hardy keen kind lively loyal lucid merry mild noble patient plain proud quick quiet ready sharp silent smart solid steady still swift tidy true vivid warm wise witty'.split(
    ' ',
  );
const THINGS =
  'anchor arch barge beacon bridge canal cedar cliff cove crane delta dune ferry fjord forge gale grove harbor heron hill island lagoon lantern maple meadow mill oak orchard otter pier pine quay raft reef ridge river sail shore sparrow stone summit tide willow'.split(
    ' ',
  );

/** For names that are to be told apart by people; nothing is kept safe by them. */
const randomInt = (limit: number) => Math.floor(Math.random() * limit);

/** A name like `calm_heron` that is not in `taken`. */
export function newContainerName(taken: ReadonlySet<string>): string {
  for (;;) {
    const name = `${QUALITIES[randomInt(QUALITIES.length)]}_${THINGS[randomInt(THINGS.length)]}`;
    if (!taken.has(name)) return name;
    const numbered = `${name}${randomInt(1000)}`;
    if (!taken.has(numbered)) return numbered;
  }
}

/** Docker's rule for names of containers and volumes. */
export const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
