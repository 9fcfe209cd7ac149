import type { Instruction } from '../instructions.ts';
import type { FindingList } from './finding-list.ts';

/** ConsistentInstructionCasing: every keyword in the case of the majority, upper case among equals. */
export function checkCasing(instructions: readonly Instruction[], list: FindingList): void {
  const staged = instructions.slice(instructions.findIndex(({ keyword }) => keyword === 'FROM'));
  const lower = staged.filter(({ written }) => written === written.toLowerCase()).length;
  const upper = staged.filter(({ written }) => written === written.toUpperCase()).length;
  const majority = lower > upper ? 'lowercase' : 'uppercase';
  for (const instruction of staged) {
    const { written } = instruction;
    if (written === (majority === 'lowercase' ? written.toLowerCase() : written.toUpperCase())) continue;
    list.addAt(
      instruction,
      'ConsistentInstructionCasing',
      `Command '${written}' should match the case of the command majority (${majority})`,
    );
  }
}
