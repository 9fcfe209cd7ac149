import { expect, test } from 'vitest';
import { isoTime } from '../../../layers/oci/iso-time.ts';

test.each([0, 1_700_000_000_123, 951_782_400_000, 253_402_300_799_999, -62_135_596_800_000])(
  'isoTime() is what toISOString() gives, of %i ms',
  (milliseconds) => {
    const date = new Date(milliseconds);
    expect(isoTime(date)).toBe(date.toISOString());
  },
);
