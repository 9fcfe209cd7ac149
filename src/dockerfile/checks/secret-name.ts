const secret = new Set(
  'apikey auth credential credentials key password pword passwd secret token'.split(' '),
);
const harmless = new Set(['public', 'file', 'version']);

/** Whether a variable is called like a secret: `GITHUB_TOKEN`, `api_key`, but not `TOKEN_FILE`. */
export function isSecretName(name: string): boolean {
  const words = name.toLowerCase().split('_');
  return words.some((word) => secret.has(word)) && !words.some((word) => harmless.has(word));
}
