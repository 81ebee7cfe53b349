// Opens pages of a node in Chromium, without one's own profile, and notes what the pages asked for.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

// Runs what a test wrote on standard input: visit(job, page, log) -> what goes to standard output with the log.
// job: {"chromium", "origin", "user", "password", ...}; log: {requests, failures, console}.
export async function run(visit) {
  const job = JSON.parse(readFileSync(0, 'utf8'));
  const browser = await chromium.launch({
    executablePath: job.chromium,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-swiftshader', ...(job.args ?? [])],
  });
  const log = { requests: [], failures: [], console: [] };
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    page.setDefaultTimeout(job.patience ?? 60000);
    context.on('request', (r) => log.requests.push(r.url()));
    context.on('response', (r) => r.status() >= 400 && log.failures.push(`${r.status()} ${r.url()}`));
    page.on('console', (m) => log.console.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', (e) => log.console.push(`uncaught: ${e.message}`));
    await login(page, job);
    let result;
    try {
      result = await visit(job, page, log);
    } catch (error) {
      if (job.shot) await page.screenshot({ path: job.shot }).catch(() => {});
      result = { error: error.stack };
    }
    process.stdout.write(JSON.stringify({ ...result, log }));
  } finally {
    await browser.close();
  }
}

// As a person does: the cookie of the session goes along with all that follows.
async function login(page, job) {
  await page.goto(job.origin + '/api/');
  const status = await page.evaluate(async ([name, password]) => {
    const answer = await fetch('/api/login', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password }),
    });
    return answer.status;
  }, [job.user, job.password]);
  if (status !== 200) throw new Error(`login: ${status}`);
}

// How many colours a picture (PNG) has, each channel in sixteen steps or grey in all, and the part that the commonest has.
export function colours(page, picture) {
  return page.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + base64)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
      const [r, g, b] = data.slice(at, at + 3);
      const colour = r === g && g === b ? r : 256 + ((r >> 4 << 8) | (g >> 4 << 4) | (b >> 4));
      seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return { number: seen.size, most: Math.max(...seen.values()) / (image.width * image.height) };
  }, picture.toString('base64'));
}
