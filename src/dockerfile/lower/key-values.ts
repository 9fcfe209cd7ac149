import type { EnvInstruction, LabelInstruction } from '../instructions.ts';
import { expand, failure, type StageContext } from './context.ts';
import type { StageState } from './state.ts';

/** The pairs of ENV or LABEL with the values that variables had before the instruction. */
export function expandPairs(
  state: StageState,
  instruction: EnvInstruction | LabelInstruction,
  context: StageContext,
): readonly (readonly [key: string, value: string])[] {
  return instruction.pairs.map(({ key, value = '' }) => {
    const name = expand(context, state, instruction, key);
    if (name === '') {
      throw failure(context, instruction, 'BAD_ARGUMENT', `${instruction.keyword} names can not be blank`, {
        hint: `"${key}" is empty after expansion: give the variable a value`,
      });
    }
    return [name, expand(context, state, instruction, value)];
  });
}
