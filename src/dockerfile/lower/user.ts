import { expand, type Lower } from './context.ts';
import { commit, withConfig } from './state.ts';

/** USER: kept as a name; the next RUN looks it up in the image. */
export const lowerUser: Lower<'USER'> = (state, instruction, context) => {
  const User = expand(context, state, instruction, instruction.user);
  return commit(withConfig(state, { User }), { text: `USER ${User}`, created: context.created });
};
