/** image-spec image-index.md, "platform". Field names as in Go's: normalised, never empty strings. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}
