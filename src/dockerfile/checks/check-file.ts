import type { ArgInstruction, FromInstruction, Instruction } from '../instructions.ts';
import { checkCasing } from './casing.ts';
import type { CheckConfig } from './config.ts';
import { checkConstantPlatform } from './constant-platform.ts';
import type { Finding } from './finding.ts';
import { FindingList } from './finding-list.ts';
import { checkStageName, checkStageNames } from './stage-names.ts';

/** The checks that need no more than one instruction. */
export function checkEach(instructions: readonly Instruction[], config: CheckConfig): readonly Finding[] {
  const list = new FindingList(config);
  for (const instruction of instructions) checkAlone(instruction, list);
  return list.found;
}

/** The checks that look at every instruction, whether its stage is built or not. */
export function checkFile(instructions: readonly Instruction[], config: CheckConfig): readonly Finding[] {
  const list = new FindingList(config);
  list.found.push(...checkEach(instructions, config));
  const stages = instructions.filter(({ keyword }) => keyword === 'FROM') as readonly FromInstruction[];
  checkStageNames(stages, list);
  checkCasing(instructions, list);
  for (const stage of stages) checkConstantPlatform(stage, list);
  return list.found;
}

function checkAlone(instruction: Instruction, list: FindingList): void {
  if (instruction.keyword === 'MAINTAINER')
    list.addAt(
      instruction,
      'MaintainerDeprecated',
      'Maintainer instruction is deprecated in favor of using label',
    );
  if (instruction.keyword === 'ARG')
    checkDescription(
      instruction,
      instruction.args.map(({ key }) => key),
      list,
    );
  if (instruction.keyword === 'FROM') {
    checkStageName(instruction, list);
    if (instruction.name !== undefined) checkDescription(instruction, [instruction.name], list);
  }
}

/** The last comment above ARG or a named FROM describes it, beginning with the name. */
function checkDescription(
  instruction: ArgInstruction | FromInstruction,
  names: readonly string[],
  list: FindingList,
): void {
  const comment = instruction.comments.at(-1);
  if (comment === undefined || names.includes(comment.split(' ', 1)[0]!)) return;
  const name = names.length > 1 ? '<arg_key>' : names[0];
  list.addAt(
    instruction,
    'InvalidDefinitionDescription',
    `Comment for ${instruction.keyword} should follow the format: \`# ${name} <description>\``,
  );
}
