/**
 * Times in the layers that steps make, and nothing that they depend on: a cached layer keeps the times that it has.
 */
export interface LayerTimes {
  /** SOURCE_DATE_EPOCH, in nanoseconds since 1970: nothing in a layer gets a later time. */
  readonly newestNs?: bigint;
}
