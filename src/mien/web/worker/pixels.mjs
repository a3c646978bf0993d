/**
 * The pixels of pictures that the browser has decoded.
 *
 * @typedef {import('./raster.mjs').Raster} Raster
 */

import { blackRaster } from './raster.mjs';

/** Pixels are read through a canvas of at most this width and height, since browsers limit the area of one. */
const TILE_PX = 2048;

/** Levels by which pixels may be off that a browser changes a little, so that pages can't tell who is there. */
const MOST_NOISE = 8;

/** Throw an error in a browser that shows pages noise in place of what they have drawn. */
export function requireTruePixels() {
  const drawn = new OffscreenCanvas(256, 1);
  const context = contextOf(drawn);
  for (let level = 0; level < 256; level += 1) {
    context.fillStyle = `rgb(${level}, ${level}, ${level})`;
    context.fillRect(level, 0, 1, 1);
  }
  const { levels } = pixelsOf(drawn);
  for (let level = 0; level < 256; level += 1) {
    if (Math.abs(levels[3 * level] - level) > MOST_NOISE) {
      throw new Error(
        'it hides the pixels of pictures, as a protection from fingerprinting; ' +
          'switch that off for this page, or open the page in another browser',
      );
    }
  }
}

/**
 * Read the pixels of a decoded picture or a camera's frame.
 *
 * @param {ImageBitmap | OffscreenCanvas} bitmap
 * @returns {Raster} RGB, on white where transparent
 */
export function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const made = blackRaster(width, height, 3);
  const canvas = new OffscreenCanvas(Math.min(width, TILE_PX), Math.min(height, TILE_PX));
  const context = contextOf(canvas);
  context.fillStyle = 'white';
  for (let top = 0; top < height; top += TILE_PX) {
    for (let left = 0; left < width; left += TILE_PX) {
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(bitmap, -left, -top);
      const across = Math.min(TILE_PX, width - left);
      const down = Math.min(TILE_PX, height - top);
      copyTile(context.getImageData(0, 0, across, down), made, left, top);
    }
  }
  return made;
}

/**
 * @param {OffscreenCanvas} canvas
 * @returns {OffscreenCanvasRenderingContext2D}
 */
function contextOf(canvas) {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) {
    throw new Error('this browser gives no canvas to read pixels from');
  }
  return context;
}

/**
 * @param {ImageData} tile RGBA
 * @param {Raster} picture RGB
 * @param {number} left where it belongs, in pixels
 * @param {number} top
 */
function copyTile(tile, picture, left, top) {
  let source = 0;
  for (let y = 0; y < tile.height; y += 1) {
    let target = ((top + y) * picture.width + left) * 3;
    for (let x = 0; x < tile.width; x += 1) {
      picture.levels[target] = tile.data[source];
      picture.levels[target + 1] = tile.data[source + 1];
      picture.levels[target + 2] = tile.data[source + 2];
      source += 4;
      target += 3;
    }
  }
}
