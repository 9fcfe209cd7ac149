import type { AttestPlan, ProvenanceOptions } from '../attest/request.ts';
import { ApiError } from './errors.ts';

/** Attributes of one `--attest`. */
type Attributes = Readonly<Record<string, string>>;

const PROVENANCE_KEYS = ['mode', 'version', 'builder-id', 'reproducible', 'inline-only', 'disabled', 'type'];
const SBOM_KEYS = ['generator', 'disabled', 'type'];

export interface AttestRequests {
  readonly plan: AttestPlan;
  readonly warnings: readonly string[];
}

/** Reads `--attest`; the last one of a type counts. Throws `BAD_REQUEST`. */
export function planAttests(requests: readonly Attributes[]): AttestRequests {
  const warnings: string[] = [];
  let provenance: ProvenanceOptions | undefined;
  let sbom = false;
  for (const attributes of requests) {
    const { type } = attributes;
    const disabled = flag(attributes, 'disabled');
    if (type === 'provenance') {
      requireKnown(attributes, PROVENANCE_KEYS);
      provenance = disabled ? undefined : readProvenance(attributes);
    } else if (type === 'sbom') {
      requireKnown(attributes, SBOM_KEYS);
      sbom = !disabled;
      if (sbom && attributes.generator)
        warnings.push(
          `--attest type=sbom: the generator ${attributes.generator} is not run: packages are found by this builder`,
        );
    } else if (type === undefined)
      throw wrong('attestation type not specified: write type=provenance or type=sbom');
    else throw wrong(`unknown attestation type "${type}": use provenance or sbom`);
  }
  return { plan: { ...(provenance && { provenance }), sbom }, warnings };
}

function readProvenance(attributes: Attributes): ProvenanceOptions {
  const { mode = 'min', version = 'v1' } = attributes;
  if (mode !== 'min' && mode !== 'max') throw wrong(`invalid provenance mode "${mode}": use min or max`);
  if (version !== 'v1' && version !== 'v0.2')
    throw wrong(`invalid provenance version "${version}": use v1 or v0.2`);
  const builderId = attributes['builder-id'] ?? '';
  return { mode, version, builderId, reproducible: flag(attributes, 'reproducible') };
}

function requireKnown(attributes: Attributes, known: readonly string[]): void {
  const unknown = Object.keys(attributes).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw wrong(`--attest type=${attributes.type} has no attribute "${unknown}": it has ${known.join(', ')}`);
}

function flag(attributes: Attributes, key: string): boolean {
  const value = attributes[key] ?? 'false';
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false|)$/i.test(value)) return false;
  throw wrong(`invalid value "${value}" of ${key}: write true or false`);
}

function wrong(message: string): ApiError {
  return new ApiError('BAD_REQUEST', '--attest', message);
}
