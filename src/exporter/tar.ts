export async function writeTar(_t: unknown, _d: unknown): Promise<void> { throw new Error('pending'); }
