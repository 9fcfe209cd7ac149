import { createReadStream } from 'node:fs';
import { applyLayer } from '../../layers/diff/apply.ts';

/** Unpacks the layer tar of the first argument into the directory of the second, and says how it went. */
const [tar = '', directory = ''] = process.argv.slice(2);
applyLayer(createReadStream(tar), directory).then(
  () => console.log('ok'),
  (error: Error & { readonly code?: string }) => console.log(`${error.code} ${error.message}`),
);
