import { defineConfig } from 'vitest/config';

/** These count system calls, or look at what is left on the whole machine: nothing else runs beside them. */
const alone = ['test/budgets/**/*.test.ts', 'test/e2e/killed-*.test.ts', 'test/e2e/leaks.test.ts'];
const common = { pool: 'forks', testTimeout: 60_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    globalSetup: ['test/support/build-commands.ts'],
    projects: [
      {
        test: {
          ...common,
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...common, name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
