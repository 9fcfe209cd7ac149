/** What is to be attested of an image. */
export interface AttestPlan {
  readonly provenance?: ProvenanceOptions;
  readonly sbom: boolean;
}

export interface ProvenanceOptions {
  /** `max` also tells build arguments, the Dockerfile and the graph. */
  readonly mode: 'min' | 'max';
  readonly version: 'v1' | 'v0.2';
  readonly builderId: string;
  /** As the user claims it. */
  readonly reproducible: boolean;
}
