// Standard input: as browser.mjs, and "show", a list of {study, series, shot}. Standard output: what was shown, and how many
// colours the picture of the page has where the slide is.
import { colours, run } from './browser.mjs';

await run(async (job, page) => {
  const shown = [];
  for (const one of job.show) {
    await page.goto(job.origin + '/pages/slide.html');
    await page.waitForFunction(() => window.here);
    const got = await page.evaluate((series) => window.shown(series), { ...one, quiet: 1500, patience: 60000 });
    const picture = await page.locator('#slide').screenshot({ path: one.shot });
    got.colours = await colours(page, picture);
    shown.push(got);
  }
  return { shown };
});
