import type { FileTree } from '../../layers/index.ts';
import { digestOf, hexOf } from '../../layers/index.ts';
import { apkPackages } from './packages/apk.ts';
import { dpkgPackages } from './packages/dpkg.ts';
import { npmPackages } from './packages/npm.ts';
import { distributionOf } from './packages/os-release.ts';
import type { FoundPackage } from './packages/package.ts';

export const SPDX_TYPE = 'https://spdx.dev/Document';

/** What is described, and when. */
export interface SbomSubject {
  /** As a person names the image. */
  readonly name: string;
  readonly created: Date;
  readonly toolVersion: string;
}

/** The packages in a filesystem: Debian's and Alpine's by their databases, npm's by their manifests. */
export function findPackages(tree: FileTree): readonly FoundPackage[] {
  const distribution = distributionOf(tree);
  return [...dpkgPackages(tree, distribution), ...apkPackages(tree, distribution), ...npmPackages(tree)];
}

/** An SPDX 2.3 document: spdx.github.io/spdx-spec/v2.3. */
export function spdxDocument(packages: readonly FoundPackage[], subject: SbomSubject): object {
  const entries = packages.map((found) => ({ id: idOf(found), found }));
  const content = digestOf(JSON.stringify([subject.name, entries.map(({ id }) => id)]));
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: subject.name,
    documentNamespace: `urn:tsbuild:spdx:${hexOf(content)}`,
    creationInfo: {
      created: subject.created.toISOString().replace(/\.\d+Z$/, 'Z'),
      creators: [`Tool: tsbuild-${subject.toolVersion}`],
    },
    packages: [rootPackage(subject.name), ...entries.map(({ id, found }) => packageEntry(id, found))],
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', ROOT),
      ...entries.map(({ id }) => relation(ROOT, 'CONTAINS', id)),
    ],
  };
}

const ROOT = 'SPDXRef-Image';

function rootPackage(name: string): object {
  return {
    SPDXID: ROOT,
    name,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: 'CONTAINER',
  };
}

function packageEntry(id: string, { name, version, purl, license, supplier, source }: FoundPackage): object {
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    supplier:
      supplier === undefined ? 'NOASSERTION' : `Organization: ${supplier.replace(/ *<([^<>]*)>/, ' ($1)')}`,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    sourceInfo: `acquired package info from: ${source}`,
    licenseConcluded: 'NOASSERTION',
    // What a package says need not be an SPDX expression: then it is no licence that a reader could look up.
    licenseDeclared: license !== undefined && EXPRESSION.test(license) ? license : 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

const EXPRESSION = /^\(*[A-Za-z0-9.+-]+\)*(?: (?:AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*$/;

/** Letters, digits, dots and dashes; the same package in another place is another one. */
function idOf({ name, version, purl, source }: FoundPackage): string {
  const readable = `${name}-${version}`.replace(/[^A-Za-z0-9.-]+/g, '-');
  return `SPDXRef-Package-${readable}-${hexOf(digestOf(JSON.stringify([purl, source]))).slice(0, 16)}`;
}

function relation(spdxElementId: string, relationshipType: string, relatedSpdxElement: string): object {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}
