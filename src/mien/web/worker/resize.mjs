/**
 * The resizing of Pillow 13, byte for byte: the same filters, in the same whole numbers.
 *
 * The arithmetic is that of Pillow's `Resample.c` and `Reduce.c`; networks were trained on what it gives, and other
 * resizers, a browser's canvas too, differ from it by several grey levels.
 *
 * @typedef {import('./raster.mjs').Raster} Raster
 * @typedef {'box' | 'bilinear' | 'bicubic'} Filter
 */

import { blackRaster } from './raster.mjs';

/** Height and width of a face in pixels. */
export const SIZE = 48;

/** Weights are whole multiples of 2 to the power of minus this. */
const WEIGHT_BITS = 22;

/**
 * How far each filter reaches, and its value at a distance; both in pixels of the smaller scale.
 *
 * @type {Record<Filter, {reach: number, at: (distance: number) => number}>}
 */
const FILTERS = {
  box: { reach: 0.5, at: (distance) => (distance > -0.5 && distance <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, at: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  bicubic: { reach: 2, at: bicubicAt },
};

/**
 * Return the value of the cubic convolution filter with a = -0.5.
 *
 * @param {number} distance
 * @returns {number}
 */
function bicubicAt(distance) {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) {
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  }
  if (x < 2) {
    return (((x - 5) * x + 8) * x - 4) * a;
  }
  return 0;
}

/**
 * Resize one grey picture of any size to a face; one of that size comes back unchanged.
 *
 * @param {Raster} picture grey
 * @returns {Raster} grey, 48×48
 */
export function resizeToFace(picture) {
  if (picture.width === SIZE && picture.height === SIZE) {
    return picture;
  }
  const shrinks = picture.width >= SIZE && picture.height >= SIZE;
  return resize(picture, SIZE, SIZE, shrinks ? 'box' : 'bicubic');
}

/**
 * Resize a picture.
 *
 * @param {Raster} picture
 * @param {number} width the new one, in pixels
 * @param {number} height the new one, in pixels
 * @param {Filter} filter
 * @param {number} reducingGap a picture that has to shrink more than this often is first reduced by whole pixels, to
 *   this many times its new size; Infinity never does
 * @returns {Raster}
 */
export function resize(picture, width, height, filter, reducingGap = Infinity) {
  const across = Math.trunc(picture.width / width / reducingGap) || 1;
  const down = Math.trunc(picture.height / height / reducingGap) || 1;
  let source = picture;
  if (across > 1 || down > 1) {
    source = reduced(picture, across, down);
  }
  // The part of the reduced picture that the whole picture fills: its last pixels may stand for fewer than the others.
  const usedWidth = picture.width / across;
  const usedHeight = picture.height / down;
  const columns = weightsOf(source.width, usedWidth, width, filter);
  const rows = weightsOf(source.height, usedHeight, height, filter);
  const staysWide = width === source.width && usedWidth === width;
  const staysHigh = height === source.height && usedHeight === height;
  // Pillow 13 begins with the rows where the height shrinks more than twice as much as the width.
  const shrinksMoreDown = source.height - height > 2 * Math.max(0, source.width - width);
  if (shrinksMoreDown && !staysHigh) {
    source = resizedDown(source, rows);
  }
  if (!staysWide) {
    source = resizedAcross(source, columns);
  }
  if (!shrinksMoreDown && !staysHigh) {
    source = resizedDown(source, rows);
  }
  return source;
}

/**
 * The source pixels of one new pixel: the first one, and the weight of each.
 *
 * @typedef {{first: number, weights: Int32Array}} Weighted
 */

/**
 * Return how much each source pixel counts for each new one.
 *
 * @param {number} size of the source along one axis, in pixels
 * @param {number} used how much of it is resized
 * @param {number} newSize
 * @param {Filter} filter
 * @returns {Weighted[]}
 */
function weightsOf(size, used, newSize, filter) {
  const { reach, at } = FILTERS[filter];
  const scale = Math.fround(used) / newSize;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  const perPixel = 1 / stretch;
  const found = [];
  for (let i = 0; i < newSize; i += 1) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(size, Math.trunc(centre + support + 0.5));
    const shares = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < shares.length; k += 1) {
      shares[k] = at((k + first - centre + 0.5) * perPixel);
      sum += shares[k];
    }
    const weights = new Int32Array(shares.length);
    for (let k = 0; k < shares.length; k += 1) {
      const share = sum === 0 ? shares[k] : shares[k] / sum;
      weights[k] = Math.trunc(share * 2 ** WEIGHT_BITS + (share < 0 ? -0.5 : 0.5));
    }
    found.push({ first, weights });
  }
  return found;
}

/**
 * Turn a weighted sum back into a level.
 *
 * @param {number} sum of levels times weights, with half a level added
 * @returns {number} 0 to 255
 */
function levelOf(sum) {
  const level = sum >> WEIGHT_BITS;
  if (level < 0) {
    return 0;
  }
  return level > 255 ? 255 : level;
}

/**
 * @param {Raster} picture
 * @param {Weighted[]} columns one per new column
 * @returns {Raster}
 */
function resizedAcross(picture, columns) {
  const { levels, channels } = picture;
  const made = blackRaster(columns.length, picture.height, channels);
  let target = 0;
  for (let y = 0; y < picture.height; y += 1) {
    const row = y * picture.width * channels;
    for (const { first, weights } of columns) {
      for (let c = 0; c < channels; c += 1) {
        let sum = 1 << (WEIGHT_BITS - 1);
        let at = row + first * channels + c;
        for (let k = 0; k < weights.length; k += 1) {
          sum += levels[at] * weights[k];
          at += channels;
        }
        made.levels[target] = levelOf(sum);
        target += 1;
      }
    }
  }
  return made;
}

/**
 * @param {Raster} picture
 * @param {Weighted[]} rows one per new row
 * @returns {Raster}
 */
function resizedDown(picture, rows) {
  const { levels, channels } = picture;
  const made = blackRaster(picture.width, rows.length, channels);
  const rowLength = picture.width * channels;
  let target = 0;
  for (const { first, weights } of rows) {
    for (let x = 0; x < rowLength; x += 1) {
      let sum = 1 << (WEIGHT_BITS - 1);
      let at = first * rowLength + x;
      for (let k = 0; k < weights.length; k += 1) {
        sum += levels[at] * weights[k];
        at += rowLength;
      }
      made.levels[target] = levelOf(sum);
      target += 1;
    }
  }
  return made;
}

/**
 * Make one pixel, their mean, of each rectangle of pixels; those at the right and lower border may be smaller.
 *
 * @param {Raster} picture
 * @param {number} across how many pixels wide a rectangle is
 * @param {number} down how many pixels high
 * @returns {Raster}
 */
function reduced(picture, across, down) {
  const { channels } = picture;
  const made = blackRaster(Math.ceil(picture.width / across), Math.ceil(picture.height / down), channels);
  const sums = new Uint32Array(made.width * channels);
  for (let y = 0; y < made.height; y += 1) {
    const top = y * down;
    const bottom = Math.min(top + down, picture.height);
    sums.fill(0);
    for (let row = top; row < bottom; row += 1) {
      addRow(sums, picture, row, across);
    }
    for (let x = 0; x < made.width; x += 1) {
      const count = (Math.min((x + 1) * across, picture.width) - x * across) * (bottom - top);
      const multiplier = Math.trunc(Math.fround(2 ** 32 / Math.fround(count * 256)));
      const half = count >> 1;
      for (let c = 0; c < channels; c += 1) {
        const at = x * channels + c;
        made.levels[y * made.width * channels + at] = Math.imul(sums[at] + half, multiplier) >>> 24;
      }
    }
  }
  return made;
}

/**
 * Add the levels of one row of a picture, so many pixels to each sum.
 *
 * @param {Uint32Array} sums (width / across, channels)
 * @param {Raster} picture
 * @param {number} row
 * @param {number} across
 */
function addRow(sums, picture, row, across) {
  const { levels, channels, width } = picture;
  const start = row * width * channels;
  const rowLength = width * channels;
  for (let c = 0; c < channels; c += 1) {
    let target = c;
    for (let left = c; left < rowLength; left += across * channels) {
      const end = Math.min(left + across * channels, rowLength);
      let sum = 0;
      for (let at = left; at < end; at += channels) {
        sum += levels[start + at];
      }
      sums[target] += sum;
      target += channels;
    }
  }
}
