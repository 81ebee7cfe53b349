// A page with dicom-microscopy-viewer. The test calls shown(): once all tiles in sight are there, says what was loaded.
window.shown = async ({ study, series, quiet, patience }) => {
  const { metadata: models, viewer: viewers } = window.dicomMicroscopyViewer;
  const client = new window.DICOMwebClient.api.DICOMwebClient({ url: location.origin + '/dicom-web' });
  const all = await client.retrieveSeriesMetadata({ studyInstanceUID: study, seriesInstanceUID: series });
  const images = all.map((metadata) => new models.VLWholeSlideMicroscopyImage({ metadata }))
    .filter((image) => ['VOLUME', 'THUMBNAIL'].includes(image.ImageType[2]));
  // Its events of tiles are said to an element that is not there yet, so the client is listened to.
  const count = { asked: 0, frames: 0, errors: [] };
  let last = performance.now();
  const retrieve = client.retrieveInstanceFrames.bind(client);
  client.retrieveInstanceFrames = async (options) => {
    count.asked++;
    try {
      const frames = await retrieve(options);
      count.frames += frames.length;
      return frames;
    } catch (error) {
      count.errors.push(error.message);
      throw error;
    } finally {
      last = performance.now();
    }
  };
  const viewer = new viewers.VolumeImageViewer({ client, metadata: images, controls: [] });
  viewer.render({ container: 'slide' });
  const begun = performance.now();
  while (!count.asked || count.asked > count.frames + count.errors.length || performance.now() - last < quiet) {
    if (performance.now() - begun > patience) throw new Error(`no tile: ${JSON.stringify(count)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return { ...count, levels: images.length };
};
window.here = true;
