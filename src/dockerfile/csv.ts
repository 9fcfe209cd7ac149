/**
 * Fields of one CSV record: separated by commas, a field in double quotes may hold commas, and `""` in it is a quote.
 * RFC 4180, one line. Throws Error for quotes in the wrong place.
 */
export function csvFields(record: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (record[at] === '"') {
      let field = '';
      for (at++; ; at++) {
        if (at >= record.length) throw new Error(`extraneous or missing " in quoted-field: ${record}`);
        if (record[at] !== '"') field += record[at];
        else if (record[at + 1] === '"') field += record[at++];
        else break;
      }
      at++;
      if (at < record.length && record[at] !== ',')
        throw new Error(`extraneous or missing " in quoted-field: ${record}`);
      fields.push(field);
    } else {
      const comma = record.indexOf(',', at);
      const field = record.slice(at, comma === -1 ? undefined : comma);
      if (field.includes('"')) throw new Error(`bare " in non-quoted-field: ${field}`);
      fields.push(field);
      at = comma === -1 ? record.length : comma;
    }
    if (at >= record.length) return fields;
    at++;
  }
}
