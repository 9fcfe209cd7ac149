/** C0 but tab, DEL, C1, and the marks that turn the direction of text around. */
const hidden = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text of a Dockerfile as it may be printed: what would steer a terminal or hide from the reader is spelled out
 * (`\x1b`, `\u202e`).
 */
export function visible(text: string): string {
  return text.replace(hidden, (char) => {
    const code = char.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}

/** The same of text that may have several lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
