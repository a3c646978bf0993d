/**
 * Which faces are unlike those that networks learn from, so that their labels are less sure.
 *
 * @typedef {'dark' | 'pale' | 'blurred' | 'tiny' | 'unsure'} Flaw
 */

import { SIZE } from './resize.mjs';

/** A face whose mean grey level is lower is dark. */
const DARK = 26;

/** A face whose mean is higher is pale: overexposed, or in a haze. */
const PALE = 226;

/** A face whose `detail` is lower is blurred. */
const BLURRED = 0.04;

/** A face whose square in the picture has a side of at most this, in pixels, is tiny. */
const TINY_PX = 20;

/** If the detector is less confident, it is unsure whether this is a face that can be classified. */
const UNSURE = 0.8;

/**
 * Say of a face what makes its label less sure.
 *
 * @param {Uint8Array} image what the network sees, grey, (48, 48)
 * @param {number} sidePx the side that it has in its picture, in pixels
 * @param {number | null} confidence the detector's, 0 to 1; null where the whole picture is the face
 * @returns {Flaw[]}
 */
export function flaws(image, sidePx, confidence) {
  /** @type {Flaw[]} */
  const found = [];
  const brightness = mean(image);
  if (brightness < DARK) {
    found.push('dark');
  }
  if (brightness > PALE) {
    found.push('pale');
  }
  if (detail(image) < BLURRED) {
    found.push('blurred');
  }
  if (sidePx <= TINY_PX) {
    found.push('tiny');
  }
  if (confidence !== null && confidence < UNSURE) {
    found.push('unsure');
  }
  return found;
}

/**
 * Return the fine detail of a face, whatever its contrast; Infinity of a plain one.
 *
 * The variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy") falls with
 * contrast as well as with sharpness; divided by the variance of the grey levels it tells sharpness alone.
 *
 * @param {Uint8Array} image grey, (48, 48)
 * @returns {number}
 */
function detail(image) {
  const laplacian = [];
  for (let y = 1; y < SIZE - 1; y += 1) {
    for (let x = 1; x < SIZE - 1; x += 1) {
      const at = y * SIZE + x;
      const beside = image[at - 1] + image[at + 1];
      const above = image[at - SIZE] + image[at + SIZE];
      laplacian.push(beside + above - 4 * image[at]);
    }
  }
  const contrast = variance(image);
  return contrast > 0 ? variance(laplacian) / contrast : Infinity;
}

/**
 * Return the mean of numbers.
 *
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function mean(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) {
    sum += values[i];
  }
  return sum / values.length;
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
function variance(values) {
  const middle = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) {
    sum += (values[i] - middle) ** 2;
  }
  return sum / values.length;
}
