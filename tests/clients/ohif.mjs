// OHIF as a person uses it: the study list, then the viewer of one study. Standard input: as browser.mjs, and "study" and
// the files "list" and "shot" for pictures. Standard output: rows of the list, and how the picture of the viewport is made up.
import { colours, run } from './browser.mjs';

await run(async (job, page) => {
  await page.goto(job.origin + '/');
  await page.getByText(job.name).first().waitFor();
  await page.screenshot({ path: job.list });
  const text = await page.locator('body').innerText();
  await page.goto(job.origin + '/viewer?StudyInstanceUIDs=' + job.study);
  const viewport = page.locator('.cornerstone-canvas').first();
  await viewport.waitFor();
  // What the guided tour and the notices of the page leave free: the middle.
  const { x, y, width, height } = await viewport.boundingBox();
  const clip = { x: x + width / 2 - 100, y: y + height / 2 - 100, width: 200, height: 200 };
  const begun = Date.now();
  let seen;
  do { // painted when it has its greys
    await page.waitForTimeout(500);
    seen = await colours(page, await page.screenshot({ clip }));
  } while (seen.number < job.colours && Date.now() - begun < job.patience);
  await page.screenshot({ path: job.shot });
  return { text, seen };
});
