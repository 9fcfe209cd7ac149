import type { FromInstruction } from '../instructions.ts';
import type { FindingList } from './finding-list.ts';

const reserved = new Set(['context', 'scratch']);

/** StageNameCasing and FromAsCasing of one FROM. */
export function checkStageName(from: FromInstruction, list: FindingList): void {
  const { name, writtenName, written, writtenAs } = from;
  if (writtenName !== undefined && writtenName !== name)
    list.addAt(from, 'StageNameCasing', `Stage name '${writtenName}' should be lowercase`);
  if (writtenAs === undefined) return;
  // A FROM of mixed case is ConsistentInstructionCasing's to report.
  const lower = written === written.toLowerCase();
  const upper = written === written.toUpperCase();
  if ((lower && writtenAs !== 'as') || (upper && writtenAs !== 'AS'))
    list.addAt(from, 'FromAsCasing', `'${writtenAs}' and '${written}' keywords' casing do not match`);
}

/** ReservedStageName and DuplicateStageName. */
export function checkStageNames(stages: readonly FromInstruction[], list: FindingList): void {
  const seen = new Set<string>();
  for (const from of stages) {
    const { name } = from;
    if (name === undefined) continue;
    if (reserved.has(name))
      list.addAt(
        from,
        'ReservedStageName',
        `Stage name should not use the same name as reserved stage "${name}"`,
      );
    if (seen.has(name))
      list.addAt(from, 'DuplicateStageName', `Duplicate stage name "${name}", stage names should be unique`);
    seen.add(name);
  }
}
