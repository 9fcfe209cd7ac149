/** The library: build images, run containers, and the store's images. No global state, no process.exit. */
export { type Descriptor, type Digest, type Platform, parsePlatform } from '../layers/index.ts';
export * from './api/build.ts';
export { describeBuildError } from './api/describe.ts';
export * from './api/errors.ts';
export * from './api/run.ts';
export * from './api/types.ts';
