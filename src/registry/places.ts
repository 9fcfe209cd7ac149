import type { Reference } from '../../layers/index.ts';
import { isLoopback } from './proxy.ts';
import type { Location, Mirror, RegistryRule } from './registries-config.ts';
import { RegistryError } from './registry.ts';

/** Where the repository of a reference is to be found on the wire. */
export interface Place {
  /** Host and port as in references, which is what credentials and certificates go by. */
  readonly domain: string;
  /** The repository there. */
  readonly repository: string;
  /** `any`: TLS that nobody verifies, else plain HTTP. */
  readonly security: 'tls' | 'plain' | 'any';
}

export interface Places {
  /** The registry itself: what is pushed goes there. */
  readonly primary: Place;
  /** Looked up before it when something is pulled. */
  readonly mirrors: readonly Place[];
}

/** Docker Hub's name in references and the host that serves it. */
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/** The places of a reference by the rules of this machine. Throws `DENIED` for a registry that they block. */
export function placesOf(reference: Reference, rules: readonly RegistryRule[]): Places {
  const { domain, path, digest } = reference;
  const name = `${domain}/${path}`;
  const rule = ruleFor(name, rules);
  if (rule === undefined) return { primary: placeAt({ location: domain }, path), mirrors: [] };
  if (rule.blocked)
    throw new RegistryError('DENIED', name, `Cannot use ${name}: registries.conf blocks ${rule.prefix}`);
  const wanted: Mirror['pulls'] = digest === undefined ? 'tag-only' : 'digest-only';
  const fitting = rule.mirrors.filter(({ pulls }) => pulls === 'all' || pulls === wanted);
  return { primary: moved(name, rule, rule), mirrors: fitting.map((mirror) => moved(name, rule, mirror)) };
}

/** The places as they are when nothing has to be verified. */
export function withInsecure({ primary, mirrors }: Places, insecure: boolean | undefined): Places {
  if (!insecure) return { primary, mirrors };
  const any = (place: Place): Place => ({
    ...place,
    security: place.security === 'tls' ? 'any' : place.security,
  });
  return { primary: any(primary), mirrors: mirrors.map(any) };
}

/** Base URL of a place's registry, for one of the ways to speak to it. */
export function baseUrl({ domain }: Pick<Place, 'domain'>, protocol: 'https' | 'http'): URL {
  return new URL(`${protocol}://${domain === DOCKER_HUB ? DOCKER_HUB_HOST : domain}/v2/`);
}

/** The name under which `docker login` keeps credentials for a registry. */
export function credentialKey(domain: string): string {
  return domain === DOCKER_HUB ? 'https://index.docker.io/v1/' : domain;
}

/** containers-registries.conf(5), "Choosing a [[registry]] TOML table": the longest prefix. */
function ruleFor(name: string, rules: readonly RegistryRule[]): RegistryRule | undefined {
  const matching = rules.filter(({ prefix }) => matchedLength(name, prefix) !== undefined);
  return matching.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** How much of the name a prefix stands for: whole components only. `*.example.com` is any host below. */
function matchedLength(name: string, prefix: string): number | undefined {
  if (prefix.startsWith('*.')) {
    const host = name.slice(0, name.indexOf('/'));
    return host.replace(/:\d+$/, '').endsWith(prefix.slice(1)) ? host.length : undefined;
  }
  if (!name.startsWith(prefix)) return undefined;
  return name.length === prefix.length || name[prefix.length] === '/' ? prefix.length : undefined;
}

/** The same repository with the prefix replaced by a location. */
function moved(name: string, rule: RegistryRule, to: Location): Place {
  const matched = matchedLength(name, rule.prefix)!;
  const location = to.location.startsWith('*.') ? name.slice(0, matched) : to.location;
  const target = `${location}${name.slice(matched)}`;
  const slash = target.indexOf('/');
  return placeAt({ ...to, location: target.slice(0, slash) }, target.slice(slash + 1));
}

function placeAt({ location, insecure }: Location, repository: string): Place {
  const url = `http://${location}`;
  // References allow any number as a port.
  if (!URL.canParse(url))
    throw new RegistryError('UNREACHABLE', location, `Cannot reach ${location}: no such host or port`);
  const isLocal = isLoopback(new URL(url).hostname);
  // As Docker does, HTTP is taken for granted only on this machine.
  const security = insecure === undefined ? (isLocal ? 'plain' : 'tls') : insecure ? 'any' : 'tls';
  return { domain: location, repository, security };
}
