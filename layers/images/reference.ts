import { StoreError } from '../errors.ts';
import { type Digest, parseDigest } from '../oci/digest.ts';

/** An image reference, normalised as Docker does: `busybox` → docker.io, library/busybox, latest. */
export interface Reference {
  /** Host with optional port: `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DOMAIN = 'index.docker.io';
const OFFICIAL = 'library/';

/** distribution-spec and Docker limit the repository path; the rest follows from what its parts may hold. */
const MAX_PATH = 255;
const MAX_TEXT = 1024;

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${component}(?:/${component})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** An image ID in full would be taken for one, never for a name. */
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Parses `[domain/]path[:tag][@digest]`. Without tag and digest the tag is `latest`; with both, both are kept.
 * Throws `INVALID_REFERENCE`.
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text.length > MAX_TEXT) throw invalid(text, `it is longer than ${MAX_TEXT} characters`);
  if (IDENTIFIER.test(text)) throw invalid(text, '64 hexadecimal digits are an image ID, not a name');
  const { domain, rest } = splitDomain(text);
  const { path, tag, digest } = splitPath(text, rest);
  if (!DOMAIN.test(domain)) throw invalid(text, `"${domain}" is not a registry host`);
  if (path !== path.toLowerCase()) throw invalid(text, 'the repository name must be lower case');
  if (!PATH.test(path)) throw invalid(text, `"${path}" is not a repository name`);
  if (path.length > MAX_PATH)
    throw invalid(text, `the repository name is longer than ${MAX_PATH} characters`);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  if (digest === undefined) return { domain, path, tag: tag ?? 'latest' };
  return { domain, path, ...(tag !== undefined && { tag }), digest: digestIn(text, digest) };
}

/** The whole, normalised name: `docker.io/library/busybox:latest`. Parsing it gives the reference again. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** The short name that Docker shows: `busybox:latest`, `user/app:1`, `quay.io/a/b:2`. */
export function familiarName(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== DEFAULT_DOMAIN) return formatReference(reference);
  const short = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  return `${short.includes('/') ? path : short}${suffix(reference)}`;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/**
 * Whether the part before the first slash is a host is Docker's guess: it has a dot, a colon or an upper-case
 * letter, or is `localhost`.
 */
function splitDomain(text: string): { readonly domain: string; readonly rest: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = slash >= 0 && (first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase());
  const domain = !isHost || first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : first;
  const rest = isHost ? text.slice(slash + 1) : text;
  return { domain, rest: domain === DEFAULT_DOMAIN && !rest.includes('/') ? `${OFFICIAL}${rest}` : rest };
}

function splitPath(text: string, rest: string) {
  const at = rest.indexOf('@');
  const named = at < 0 ? rest : rest.slice(0, at);
  const digest = at < 0 ? undefined : rest.slice(at + 1);
  const colon = named.indexOf(':');
  if (colon < 0) return { path: named, tag: undefined, digest };
  if (named.includes('/', colon)) throw invalid(text, 'a tag cannot hold a slash');
  return { path: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}

function digestIn(text: string, digest: string): Digest {
  try {
    return parseDigest(digest);
  } catch (cause) {
    throw invalid(text, `"${digest}" is not a sha256 or sha512 digest`, cause);
  }
}

function invalid(text: string, why: string, cause?: unknown): StoreError {
  const shown = JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
  return new StoreError('INVALID_REFERENCE', text, `Invalid image reference ${shown}: ${why}`, { cause });
}
