// A page with CornerstoneJS that reads a series by wadors: and shows it without WebGL. The test calls loaded() and shown().
import { EVENTS, Enums, RenderingEngine, imageLoader, init, setUseCPURendering } from '@cornerstonejs/core';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';

const ROOT = location.origin + '/dicom-web';
let ready;

async function start() {
  await init();
  setUseCPURendering(true);
  initLoader({ maxWebWorkers: 1, decodeConfig: { wasmBasePath: new URL('.', location.href).href } });
}

// Metadata of a series goes to the loader; returns [[imageId, metadata], ...] in order of instance number.
async function images(study, series) {
  await (ready ??= start());
  const path = `${ROOT}/studies/${study}/series/${series}`;
  const answer = await fetch(path + '/metadata', { headers: { Accept: 'application/dicom+json' } });
  if (!answer.ok) throw new Error(`metadata: ${answer.status}`);
  const number = (m) => Number(m['00200013']?.Value?.[0] ?? 0);
  return (await answer.json()).sort((a, b) => number(a) - number(b)).map((metadata) => {
    const id = `wadors:${path}/instances/${metadata['00080018'].Value[0]}/frames/1`;
    wadors.metaDataManager.add(id, metadata);
    return [id, metadata];
  });
}

// SHA-256 of the samples in as many bytes as the file has them in, little endian: all bits, and only those that are stored
// (files carry overlays above them, and decoders extend signs there).
async function digests(image, metadata) {
  const bytes = metadata['00280100'].Value[0] / 8;
  const samples = image.getPixelData();
  const out = [];
  for (const mask of [0xffffffff, 2 ** metadata['00280101'].Value[0] - 1]) {
    const packed = new (bytes === 1 ? Uint8Array : Uint16Array)(samples.length);
    for (let i = 0; i < samples.length; i++) packed[i] = samples[i] & mask;
    const sum = await crypto.subtle.digest('SHA-256', packed);
    out.push(Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, '0')).join(''));
  }
  return out;
}

// What the loader makes of the first frame of each instance, before any rescaling.
window.loaded = async ({ study, series }) => {
  const out = [];
  for (const [id, metadata] of await images(study, series)) {
    const one = { uid: metadata['00080018'].Value[0] };
    try {
      const image = await imageLoader.loadImage(id, { preScale: { enabled: false } });
      Object.assign(one, { rows: image.rows, columns: image.columns, sha256: await digests(image, metadata) });
    } catch (error) {
      one.error = String(error?.error?.message ?? error?.message ?? error);
    }
    out.push(one);
  }
  return out;
};

// Shows the series as a stack and every image of it in turn; how many grey levels each has on the canvas, and a sum of it.
window.shown = async ({ study, series }) => {
  const ids = (await images(study, series)).map(([id]) => id);
  const element = document.getElementById('stack');
  const engine = new RenderingEngine('engine');
  engine.enableElement({ viewportId: 'stack', type: Enums.ViewportType.STACK, element });
  const viewport = engine.getViewport('stack');
  const out = [];
  const painted = () => new Promise((done) => element.addEventListener(EVENTS.IMAGE_RENDERED, done, { once: true }));
  for (let i = 0; i < ids.length; i++) {
    const wait = painted();
    await (i ? viewport.setImageIdIndex(i) : viewport.setStack(ids));
    viewport.render();
    await wait;
    const canvas = viewport.getCanvas();
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const levels = new Set();
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) {
      levels.add(data[at]);
      sum = (sum * 31 + data[at]) % 1000000007;
    }
    out.push({ levels: levels.size, sum, cpu: Boolean(viewport.useCPURendering ?? viewport._cpuFallbackEnabledElement) });
  }
  return out;
};
window.here = true;
