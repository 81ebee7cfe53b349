// A page with CornerstoneJS that reads a series by wadors: and shows it, without WebGL but in stages. The tests call loaded(),
// shown() and progressive().
import { EVENTS, Enums, RenderingEngine, imageLoader, init, setUseCPURendering, utilities } from '@cornerstonejs/core';
import { init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';

const ROOT = location.origin + '/dicom-web';
let ready;

async function start(cpu = true) {
  await init();
  setUseCPURendering(cpu);
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
// Shows the series as a stack that is retrieved in two stages by byte ranges: as much of each frame as the answer says that a
// picture at 1/divisor takes, then the rest. What was painted, what was asked for, and the samples that came of it.
window.progressive = async ({ study, series, divisor }) => {
  ready = start(false); // stages are for viewports of WebGL only; Chromium does that without a graphics card, too
  const all = await images(study, series);
  const ids = all.map(([id]) => id);
  const accept = 'accept=image/jphc'; // alone, not in parts: of what is stored, and in ranges
  const first = new Map();
  for (const id of ids) {
    const head = await fetch(`${id.slice('wadors:'.length)}?${accept}`, { method: 'HEAD' });
    const sizes = new Map(head.headers.get('Teleread-Resolutions').split(',').map((item) => {
      const [, size, bytes] = item.trim().match(/^(\d+);bytes=(\d+)$/);
      return [Number(size), Number(bytes)];
    }));
    first.set(id, sizes.get(divisor));
  }

  const asked = [];
  const painted = [];
  const plain = window.fetch;
  window.fetch = async (url, options) => {
    // What follows the first bytes waits as on a poor line, until these were painted: on a quick one both come before any painting.
    if (/^bytes=[1-9]/.test(options?.headers?.Range ?? ''))
      for (let wait = 0; wait < 500 && !painted.some((p) => String(url).startsWith(p.id.slice('wadors:'.length))); wait++)
        await new Promise((done) => setTimeout(done, 20));
    const answer = await plain(url, options);
    if (String(url).includes('/frames/')) asked.push({
      url: String(url), range: options?.headers?.Range ?? null, status: answer.status, content: answer.headers.get('Content-Range'),
    });
    return answer;
  };
  const initialChunkSize = Math.max(...first.values()); // the library takes a function, too, but cannot send that to its worker
  utilities.imageRetrieveMetadataProvider.add('stack', {
    stages: [{ id: 'first', retrieveType: 'coarse' }, { id: 'last', retrieveType: 'fine' }],
    retrieveOptions: {
      coarse: { rangeIndex: 0, decodeLevel: Math.log2(divisor), initialChunkSize, urlArguments: accept },
      fine: { rangeIndex: -1, initialChunkSize, urlArguments: accept },
    },
  });

  const element = document.getElementById('stack');
  const engine = new RenderingEngine('engine');
  engine.enableElement({ viewportId: 'stack', type: Enums.ViewportType.STACK, element });
  const viewport = engine.getViewport('stack');
  element.addEventListener(EVENTS.IMAGE_RENDERED, () => {
    const image = viewport.getCornerstoneImage?.() ?? viewport.csImage;
    if (!image) return;
    const one = { id: image.imageId, quality: image.imageQualityStatus, rows: image.rows, columns: image.columns };
    if (JSON.stringify(one) !== JSON.stringify(painted.at(-1))) painted.push(one);
  });
  const out = [];
  for (let i = 0; i < ids.length; i++) {
    await (i ? viewport.setImageIdIndex(i) : viewport.setStack(ids));
    viewport.render();
    const whole = () => painted.some((p) => p.id === ids[i] && p.quality === Enums.ImageQualityStatus.FULL_RESOLUTION);
    for (let wait = 0; wait < 200 && !whole(); wait++) await new Promise((done) => setTimeout(done, 50));
    const image = viewport.getCornerstoneImage?.() ?? viewport.csImage;
    out.push({ uid: all[i][1]['00080018'].Value[0], sha256: await digests(image, all[i][1]) });
  }
  return { images: out, painted, asked, first: initialChunkSize, full: Enums.ImageQualityStatus.FULL_RESOLUTION };
};
window.here = true;
