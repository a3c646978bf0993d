/**
 * Which parts of a face speak for its class: occlusion (Zeiler & Fergus 2014, arXiv 1311.2901).
 *
 * @typedef {(images: Uint8Array[]) => Promise<Float32Array[]>} Classify maps faces, each (48, 48), to probabilities
 */

import { roundHalfEven } from './numbers.mjs';
import { mean } from './quality.mjs';
import { SIZE } from './resize.mjs';

/** The square that is blanked, and its step, in pixels. */
const WINDOW_PX = 8;
const STRIDE_PX = 4;

/** Smaller probabilities count as this, so that one rounded to 0 is no infinite evidence. */
const SMALLEST = 1e-12;

/** White begins at this share of a map's pixels, so that a single pixel does not darken all the others. */
const WHITE_SHARE = 0.995;

const PIXELS = SIZE * SIZE;

/**
 * Map which parts of a face speak for a class.
 *
 * A square of 8×8 pixels, moved in steps of 4, is blanked with the face's own mean grey.  A pixel's value is the mean,
 * over the squares that cover it, of how far the class's centred logit drops.
 *
 * @param {Classify} classify called once, with 122 pictures
 * @param {Uint8Array} image grey, (48, 48)
 * @param {number} explained the class's place in the probabilities
 * @returns {Promise<Float32Array>} (48, 48), in logits; above 0 speaks for the class
 */
export async function occlude(classify, image, explained) {
  const squares = windowCorners();
  const middle = roundHalfEven(mean(image));
  const blanked = squares.map(({ left, top }) => withSquare(image, left, top, middle));
  const [whole, ...others] = await classify([image, ...blanked]);
  const before = centredLogit(whole, explained);
  const sums = new Float64Array(PIXELS);
  const counts = new Float64Array(PIXELS);
  for (const [k, { left, top }] of squares.entries()) {
    const drop = before - centredLogit(others[k], explained);
    for (const at of windowPixels(left, top)) {
      sums[at] += drop;
      counts[at] += 1;
    }
  }
  return Float32Array.from(sums, (sum, at) => sum / counts[at]);
}

/** @returns {{left: number, top: number}[]} the corner of each of the 121 squares, in pixels */
function windowCorners() {
  const corners = [];
  for (let top = 0; top <= SIZE - WINDOW_PX; top += STRIDE_PX) {
    for (let left = 0; left <= SIZE - WINDOW_PX; left += STRIDE_PX) {
      corners.push({ left, top });
    }
  }
  return corners;
}

/**
 * @param {number} left
 * @param {number} top
 * @returns {number[]} the places of a square's 64 pixels in a face
 */
function windowPixels(left, top) {
  const places = [];
  for (let y = top; y < top + WINDOW_PX; y += 1) {
    for (let x = left; x < left + WINDOW_PX; x += 1) {
      places.push(y * SIZE + x);
    }
  }
  return places;
}

/**
 * @param {Uint8Array} image
 * @param {number} left
 * @param {number} top
 * @param {number} level
 * @returns {Uint8Array}
 */
function withSquare(image, left, top, level) {
  const made = image.slice();
  for (const at of windowPixels(left, top)) {
    made[at] = level;
  }
  return made;
}

/**
 * Return the logit behind a probability, minus the mean of all classes' logits.
 *
 * This is the centred log-ratio of Aitchison 1982 (https://doi.org/10.1111/j.2517-6161.1982.tb01195.x).
 *
 * @param {Float32Array} probabilities
 * @param {number} explained
 * @returns {number}
 */
function centredLogit(probabilities, explained) {
  const logs = Array.from(probabilities, (p) => Math.log(Math.max(p, SMALLEST)));
  return logs[explained] - mean(logs);
}

/**
 * Show a map as grey levels: 0 or less is black, its strongest pixels are white.
 *
 * @param {Float32Array} map (48, 48)
 * @returns {Uint8Array} (48, 48)
 */
export function toUint8(map) {
  const positive = map.map((value) => Math.max(value, 0));
  const sorted = positive.slice().sort();
  const place = WHITE_SHARE * (sorted.length - 1);
  const below = Math.floor(place);
  const last = sorted.length - 1;
  let white = sorted[below] + (place - below) * (sorted[Math.min(below + 1, last)] - sorted[below]);
  if (white === 0) {
    white = sorted[last] || 1; // a black map stays black
  }
  return Uint8Array.from(positive, (value) => roundHalfEven(255 * Math.min(value / white, 1)));
}
