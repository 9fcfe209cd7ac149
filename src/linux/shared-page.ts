import { koffi } from '../../layers/index.ts';

const PAGE = 4096;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Address of the first page of an open file, as others see it too: mmap(2). It stays for as long as the process. */
export function sharedPage(fd: number): bigint {
  const mmap = koffi().load(null).func('mmap', 'int64', ['void *', 'size_t', 'int', 'int', 'int', 'int64']);
  const address = BigInt(mmap(null, PAGE, PROT_READ_WRITE, MAP_SHARED, fd, 0));
  if (address === -1n) throw new Error('Cannot map a page of memory that others see');
  return address;
}
