import type { FileTree } from '../../../layers/index.ts';
import { find, readText } from './read-text.ts';

/** Which distribution an image is: os-release(5). */
export interface Distribution {
  readonly id: string;
  readonly version: string;
}

export function distributionOf(tree: FileTree): Distribution {
  const file = find(tree, '/etc/os-release') ?? find(tree, '/usr/lib/os-release');
  const text = readText(tree, file, 64 << 10) ?? '';
  const field = (name: string) =>
    new RegExp(`^${name}=(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*))$`, 'm')
      .exec(text)
      ?.slice(1)
      .find((value) => value) ?? '';
  return { id: field('ID'), version: field('VERSION_ID') };
}
