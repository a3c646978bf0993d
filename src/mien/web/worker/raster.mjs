/**
 * Pictures in memory, and parts of them.
 *
 * @typedef {object} Raster
 * @property {Uint8Array} levels 0 to 255, (height, width, channels), row by row
 * @property {number} width in pixels
 * @property {number} height in pixels
 * @property {number} channels 3 for RGB, 1 for grey
 */

import { clamp } from './numbers.mjs';

/**
 * Make a black picture.
 *
 * @param {number} width in pixels
 * @param {number} height in pixels
 * @param {number} channels
 * @returns {Raster}
 */
export function blackRaster(width, height, channels) {
  return { levels: new Uint8Array(width * height * channels), width, height, channels };
}

/**
 * Return luma 601 of an RGB picture, in Pillow's whole numbers.
 *
 * @param {Raster} picture RGB
 * @returns {Raster} grey
 */
export function grey(picture) {
  const { levels, width, height } = picture;
  const made = blackRaster(width, height, 1);
  for (let i = 0, at = 0; i < made.levels.length; i += 1, at += 3) {
    const luma = levels[at] * 19595 + levels[at + 1] * 38470 + levels[at + 2] * 7471;
    made.levels[i] = (luma + 0x8000) >> 16;
  }
  return made;
}

/**
 * Cut out a rectangle of whole pixels; outside the picture its border is repeated.
 *
 * @param {Raster} picture
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @returns {Raster}
 */
export function cutOut(picture, left, top, width, height) {
  const { levels, channels } = picture;
  const made = blackRaster(width, height, channels);
  const from = clamp(-left, 0, width); // columns from here on lie right of the picture's left border
  const to = clamp(picture.width - left, 0, width); // and these left of its right border
  for (let y = 0; y < height; y += 1) {
    const row = clamp(top + y, 0, picture.height - 1) * picture.width;
    const target = y * width;
    if (from < to) {
      const source = (row + left + from) * channels;
      made.levels.set(levels.subarray(source, source + (to - from) * channels), (target + from) * channels);
    }
    for (let x = 0; x < width; x += 1) {
      if (x >= from && x < to) {
        continue;
      }
      const source = (row + clamp(left + x, 0, picture.width - 1)) * channels;
      for (let c = 0; c < channels; c += 1) {
        made.levels[(target + x) * channels + c] = levels[source + c];
      }
    }
  }
  return made;
}

/**
 * Turn a picture counter-clockwise.
 *
 * @param {Raster} picture
 * @param {number} quarters 0 to 3
 * @returns {Raster}
 */
export function turnedByQuarters(picture, quarters) {
  if (quarters === 0) {
    return picture;
  }
  const { levels, width, height, channels } = picture;
  const made = quarters === 2 ? blackRaster(width, height, channels) : blackRaster(height, width, channels);
  // Where the picture's first pixel goes, and how far on its neighbours to the right and below are.
  const pixels = width * height;
  const [start, right, down] = {
    1: [pixels - height, -height, 1],
    2: [pixels - 1, -1, -width],
    3: [height - 1, height, -1],
  }[quarters] ?? [0, 1, width];
  let source = 0;
  for (let y = 0; y < height; y += 1) {
    let target = start + y * down;
    for (let x = 0; x < width; x += 1) {
      for (let c = 0; c < channels; c += 1) {
        made.levels[target * channels + c] = levels[source + c];
      }
      source += channels;
      target += right;
    }
  }
  return made;
}
