import { describe, expect, test } from 'vitest';
import { formatListing, type Listing } from '../../../../src/cli/format/listing.ts';

const LISTING: Listing = {
  columns: ['Name', 'ID', 'Note'],
  headings: { ID: 'THE ID', Name: 'NAME', Note: 'NOTE' },
};
const ROWS = [
  { Name: 'a', ID: '123456789012', Note: '' },
  { Name: 'a longer name', ID: '<none>', Note: 'über\x1b[2J', Label: (key: string) => `${key}!` },
];

describe('formatListing()', () => {
  test('aligns columns as Docker does: ten wide at least, three blanks apart, nothing cut', () => {
    expect(formatListing(LISTING, ROWS, undefined)).toBe(
      'NAME            THE ID         NOTE\n' +
        'a               123456789012   \n' +
        'a longer name   <none>         über\\x1b[2J\n',
    );
    expect(formatListing(LISTING, [], 'table')).toBe('NAME      THE ID    NOTE\n');
  });

  test('gives a line of JSON a row, fields by name, escaped as Go does', () => {
    expect(formatListing(LISTING, ROWS.slice(1), 'json')).toBe(
      '{"ID":"\\u003cnone\\u003e","Name":"a longer name","Note":"über\\u001b[2J"}\n',
    );
  });

  test('renders a template a row, with headings when it is a table', () => {
    expect(formatListing(LISTING, ROWS, '{{.ID}}\\t{{.Name}}')).toBe(
      '123456789012\ta\n<none>\ta longer name\n',
    );
    expect(formatListing(LISTING, ROWS, 'table {{.ID}}\\t{{upper .Name}}')).toBe(
      'THE ID         NAME\n123456789012   A\n<none>         A LONGER NAME\n',
    );
    expect(formatListing(LISTING, ROWS.slice(1), '{{.Label "x"}}')).toBe('x!\n');
  });

  test('says which fields there are when one is not', () => {
    expect(() => formatListing(LISTING, ROWS, '{{.Nope}}')).toThrow(
      "can't evaluate field Nope: there are Name, ID, Note",
    );
  });
});
