// Standard input: as browser.mjs, and "load", "show" and "progressive", lists of {study, series}. Standard output: their results.
import { run } from './browser.mjs';

await run(async (job, page) => {
  await page.goto(job.origin + '/pages/cornerstone.html');
  await page.waitForFunction(() => window.here);
  const loaded = [];
  const shown = [];
  for (const one of job.load) loaded.push(await page.evaluate((series) => window.loaded(series), one).catch((e) => [{ error: e.message }]));
  for (const one of job.show) {
    await page.goto(job.origin + '/pages/cornerstone.html');
    await page.waitForFunction(() => window.here);
    shown.push(await page.evaluate((series) => window.shown(series), one));
  }
  const progressive = [];
  for (const one of job.progressive ?? []) {
    await page.goto(job.origin + '/pages/cornerstone.html');
    await page.waitForFunction(() => window.here);
    progressive.push(await page.evaluate((series) => window.progressive(series), one));
  }
  if (job.shot) await page.screenshot({ path: job.shot });
  return { loaded, shown, progressive };
});
