import type { EnvInstruction, Instruction, Keyword, LabelInstruction } from '../instructions.ts';
import { isFailedJson, meantJson } from '../json-form.ts';
import type { FindingList } from './finding-list.ts';
import { isSecretName } from './secret-name.ts';

/** The checks of a stage that is built, an instruction at a time so that they come in the order of the build. */
export class StageChecks {
  private readonly last = new Map<Keyword, Instruction>();

  /** `ownShell`: the base image sets a SHELL. */
  constructor(
    private readonly list: FindingList,
    private ownShell: boolean,
  ) {}

  /** LegacyKeyValueFormat, SecretsUsedInArgOrEnv, MultipleInstructionsDisallowed and JSONArgsRecommended. */
  check(instruction: Instruction): void {
    switch (instruction.keyword) {
      case 'ARG':
        for (const { key } of instruction.args) this.checkSecret(instruction, key);
        break;
      case 'ENV':
        this.checkPairs(instruction);
        break;
      case 'LABEL':
        this.checkPairs(instruction);
        break;
      case 'SHELL':
        this.ownShell = true;
        break;
      case 'HEALTHCHECK':
        this.checkOnce(instruction);
        break;
      case 'CMD':
      case 'ENTRYPOINT':
        this.checkOnce(instruction);
        // Whoever chose a shell has chosen to run through it.
        if (instruction.command.form === 'shell' && !this.ownShell)
          this.list.addAt(
            instruction,
            'JSONArgsRecommended',
            `JSON arguments recommended for ${instruction.written} to prevent unintended behavior related to OS signals${notJson(instruction.command.text)}`,
          );
    }
  }

  private checkPairs(instruction: EnvInstruction | LabelInstruction): void {
    const { keyword, written } = instruction;
    for (const { key, legacy } of instruction.pairs) {
      if (legacy)
        this.list.addAt(
          instruction,
          'LegacyKeyValueFormat',
          `"${written} key=value" should be used instead of legacy "${written} key value" format`,
        );
      if (keyword === 'ENV') this.checkSecret(instruction, key);
    }
  }

  private checkSecret(instruction: Instruction, key: string): void {
    if (isSecretName(key))
      this.list.addAt(
        instruction,
        'SecretsUsedInArgOrEnv',
        `Do not use ARG or ENV instructions for sensitive data (${instruction.keyword} "${key}")`,
      );
  }

  /** Reported at the earlier one, which is the one without effect. */
  private checkOnce(instruction: Instruction): void {
    const { keyword, written } = instruction;
    const earlier = this.last.get(keyword);
    if (earlier !== undefined)
      this.list.add(
        'MultipleInstructionsDisallowed',
        `Multiple ${written} instructions should not be used in the same stage because only the last one will be used`,
        [earlier.range],
        instruction.comments,
      );
    this.last.set(keyword, instruction);
  }
}

/** Whoever wrote brackets meant JSON, and is not helped by being told to use it. */
function notJson(text: string): string {
  if (!isFailedJson(text)) return '';
  const meant = meantJson(text);
  return ` (this is not JSON${meant === undefined ? '' : `: write ${meant}`})`;
}
