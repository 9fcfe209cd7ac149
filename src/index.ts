/** The library: build images, run containers, and the store's images. No global state, no process.exit. */
export * from './api/build.ts';
export * from './api/changes.ts';
export * from './api/check.ts';
export * from './api/container-commands.ts';
export { describeBuildError, describeChecks, describeWarnings } from './api/describe.ts';
export { diskHint } from './api/disk-hint.ts';
export * from './api/doctor.ts';
export * from './api/errors.ts';
export * from './api/image-commands.ts';
export * from './api/info.ts';
export * from './api/login.ts';
export type { OpenStep, StepProcess } from './api/open-step.ts';
export * from './api/run.ts';
export * from './api/store-commands.ts';
export * from './api/terminal.ts';
export * from './api/types.ts';
export * from './api/volume-commands.ts';
export type { StoreLocation } from './api/with-store.ts';
