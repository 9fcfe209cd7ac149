/** build.mjs puts it in the bundles. */
declare const PACKAGE_VERSION: string | undefined;

/** Version of this package. */
export const VERSION: string = typeof PACKAGE_VERSION === 'string' ? PACKAGE_VERSION : '0.0.0-source';
