export async function writeLocal(_t: unknown, _d: string): Promise<void> { throw new Error('pending'); }
