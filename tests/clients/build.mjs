// Makes of cornerstone.page.js and its loader's worker what a browser reads: pages/cornerstone.js and what lies beside it.
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const at = (name) => new URL(name, import.meta.url).pathname;

mkdirSync(at('pages'), { recursive: true });
await build({
  // The loader looks for its worker beside the script that it became a part of.
  entryPoints: {
    cornerstone: at('cornerstone.page.js'),
    decodeImageFrameWorker: at('node_modules/@cornerstonejs/dicom-image-loader/dist/esm/decodeImageFrameWorker.js'),
  },
  bundle: true,
  format: 'esm',
  outdir: at('pages'),
  platform: 'browser',
  define: { global: 'globalThis' },
  alias: { fs: at('empty.js'), path: at('empty.js'), url: at('empty.js') }, // asked for under Node.js only
  logLevel: 'error',
});
for (const codec of ['charls/decodewasm', 'openjpeg/decodewasm', 'libjpeg-turbo-8bit/decodewasm', 'openjph/wasm']) {
  const from = require.resolve('@cornerstonejs/codec-' + codec);
  copyFileSync(from, at('pages/' + from.split('/').pop()));
}
for (const name of ['cornerstone.html', 'slide.html', 'slide.page.js']) copyFileSync(at(name), at('pages/' + name));
process.stdout.write('{}');
