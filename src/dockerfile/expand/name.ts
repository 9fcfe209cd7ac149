/** What `$` may be followed by besides a name; none of them ever has a value here. */
const SPECIAL_PARAMETERS = '@*#?-$!0';
/** Variables are named in ASCII nearly always; the table of all letters is only made where somebody does not. */
const NAME = /[A-Za-z_]\w*|\d+|/y;
const ANY_NAME = /[\p{L}_][\p{L}\p{Nd}_]*|\p{Nd}+|/uy;

/** The name of a variable, number or special parameter that begins at `start`; empty when none does. */
export function nameAt(text: string, start: number): string {
  NAME.lastIndex = start;
  const name = NAME.exec(text)![0];
  const next = text[start + name.length] ?? '';
  if (next > '\x7f') {
    ANY_NAME.lastIndex = start;
    return ANY_NAME.exec(text)![0];
  }
  return name === '' && next !== '' && SPECIAL_PARAMETERS.includes(next) ? next : name;
}
