import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Environment } from './proxy.ts';

/** PEM texts for a TLS connection. `ca` undefined: what Node trusts by itself. */
export interface TlsTrust {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Where distributions keep the bundle of trusted certificates; the first that is there counts. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const CERTIFICATE_FOLDERS = ['/etc/docker/certs.d', '/etc/containers/certs.d'];

/**
 * Whom to trust as a registry: the machine's certificates (SSL_CERT_FILE, else the distribution's), as other container
 * tools do, those in NODE_EXTRA_CA_CERTS, and those of `/etc/docker/certs.d/HOST[:PORT]`: `*.crt` are authorities, `*.cert` with `*.key` the client's own.
 */
export function trustFor(
  host: string,
  environment: Environment,
  folders: readonly string[] = CERTIFICATE_FOLDERS,
): TlsTrust {
  const ours = folders.map((folder) => join(folder, host)).find((folder) => existsSync(folder));
  const names = ours === undefined ? [] : readdirSync(ours).sort();
  const read = (name: string) => readFileSync(join(ours!, name), 'utf8');
  const extra = environment.NODE_EXTRA_CA_CERTS;
  const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
  if (extra && existsSync(extra)) authorities.push(readFileSync(extra, 'utf8'));
  const certificate = names.find((name) => name.endsWith('.cert'));
  const key = certificate?.replace(/\.cert$/, '.key');
  const bundle = [environment.SSL_CERT_FILE, ...SYSTEM_BUNDLES].find((path) => path && existsSync(path));
  const roots = bundle === undefined ? rootCertificates : [readFileSync(bundle, 'utf8')];
  return {
    ...((bundle !== undefined || authorities.length > 0) && { ca: [...roots, ...authorities] }),
    ...(certificate !== undefined &&
      key !== undefined &&
      names.includes(key) && { cert: read(certificate), key: read(key) }),
  };
}
