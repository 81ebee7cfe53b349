// Calls the npm package dicomweb-client and tells what came back.
//
// Standard input: {"url", "headers", "singlepart", "calls": [[method, options], ...]}; {"file": PATH} in options.datasets
// is read.
// Standard output: for each call {"result"} or {"error"}; bytes within results are {"bytes", "sha256"}.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import XMLHttpRequest from 'xhr2';

globalThis.XMLHttpRequest = XMLHttpRequest; // the package is made for browsers and asks for nothing else of theirs
const { api } = createRequire(import.meta.url)('dicomweb-client');

function plain(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength);
    return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

function file(path) {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

const job = JSON.parse(readFileSync(0, 'utf8'));
const client = new api.DICOMwebClient({ url: job.url, headers: job.headers, singlepart: job.singlepart, verbose: false });
const out = [];
for (const [method, options] of job.calls) {
  if (options.datasets) options.datasets = options.datasets.map((one) => file(one.file));
  try {
    out.push({ result: plain(await client[method](options)) });
  } catch (error) {
    out.push({ error: error.message, status: error.status });
  }
}
process.stdout.write(JSON.stringify(out));
