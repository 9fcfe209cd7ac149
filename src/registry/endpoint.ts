import { isLoopback } from './proxy.ts';

/** Docker Hub's name in references and the host that serves it. */
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/**
 * Base URL of a registry. Loopback registries and those in `insecure` (domains as in references) speak plain HTTP,
 * every other one only HTTPS.
 */
export function endpointOf(domain: string, insecure: readonly string[] = []): URL {
  const host = domain === DOCKER_HUB ? DOCKER_HUB_HOST : domain;
  const plain = insecure.includes(domain) || isLoopback(new URL(`http://${host}`).hostname);
  return new URL(`${plain ? 'http' : 'https'}://${host}/v2/`);
}

/** The name under which `docker login` keeps credentials for a registry. */
export function credentialKey(domain: string): string {
  return domain === DOCKER_HUB ? 'https://index.docker.io/v1/' : domain;
}
