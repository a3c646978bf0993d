/**
 * What was found, as `mien predict --format json` writes it.
 *
 * @typedef {import('./geometry.mjs').Box} Box
 * @typedef {import('./photo.mjs').Crop} Crop
 * @typedef {import('./quality.mjs').Flaw} Flaw
 *
 * @typedef {object} Face a classified face
 * @property {string} face its number in the picture, from 1, from left to right; its track's number in a video
 * @property {ArrayLike<number>} probabilities of each class, in the model's order; they sum to 1
 * @property {Box} box the detector's rectangle in the upright picture, in pixels; the whole picture where that is the face
 * @property {Uint8Array} image what the network saw, grey, (48, 48)
 * @property {number} rotated by how many degrees the picture was turned counter-clockwise before the face was found
 * @property {Crop | null} crop why the whole picture is the face; null if the detector found it
 * @property {Flaw[]} quality what makes the label less sure
 *
 * @typedef {object} PictureResult a picture's faces, or a video's frame's
 * @property {string} source the file's name, or `live` for a camera
 * @property {Face[]} faces from left to right; in a video by track
 * @property {number | null} frame the frame's number, from 0; null for a picture
 * @property {number | null} timeS the frame's time in seconds; null for a picture
 * @property {string | null} reason why there is no face; null where there are some
 *
 * @typedef {object} FaceRecord one record of the output; its keys and their order are those of the JSON file
 * @property {number} schema_version
 * @property {string} source
 * @property {number | null} frame
 * @property {number | null} time_s
 * @property {string | null} face
 * @property {number[] | null} box
 * @property {string | null} label
 * @property {number | null} probability
 * @property {Record<string, number> | null} probabilities by class name
 * @property {number | null} rotated
 * @property {Crop | null} crop
 * @property {Flaw[]} quality
 * @property {string | null} reason
 */

import { roundTo } from './numbers.mjs';

const SCHEMA_VERSION = 3;

/** Decimals of a record's numbers. */
const PROBABILITY_DIGITS = 6;
const BOX_DIGITS = 2;
export const TIME_DIGITS = 6;

/**
 * Return one record per face; a picture without a face has one record, whose `reason` says why.
 *
 * @param {PictureResult} result
 * @param {string[]} classes class names in the order of the probabilities
 * @returns {FaceRecord[]}
 */
export function recordsOf(result, classes) {
  const { source, frame } = result;
  const timeS = result.timeS === null ? null : roundTo(result.timeS, TIME_DIGITS);
  const place = { schema_version: SCHEMA_VERSION, source, frame, time_s: timeS };
  if (result.faces.length === 0) {
    const nothing = { face: null, box: null, label: null, probability: null, probabilities: null, rotated: null };
    return [{ ...place, ...nothing, crop: null, quality: [], reason: result.reason }];
  }
  return result.faces.map((face) => {
    const { x, y, width, height } = roundedBox(face.box);
    const rounded = roundedProbabilities(face.probabilities);
    const best = mostProbable(face.probabilities);
    return {
      ...place,
      face: face.face,
      box: [x, y, width, height],
      label: classes[best],
      probability: rounded[best],
      probabilities: Object.fromEntries(classes.map((name, k) => [name, rounded[k]])),
      rotated: face.rotated,
      crop: face.crop,
      quality: face.quality,
      reason: null,
    };
  });
}

/**
 * Return the place of the most probable class, of the first one at a tie.
 *
 * @param {ArrayLike<number>} probabilities
 * @returns {number}
 */
function mostProbable(probabilities) {
  let best = 0;
  for (let k = 1; k < probabilities.length; k += 1) {
    if (probabilities[k] > probabilities[best]) {
      best = k;
    }
  }
  return best;
}

/**
 * Round a box as records have it.
 *
 * @param {Box} box
 * @returns {Box}
 */
export function roundedBox(box) {
  return {
    x: roundTo(box.x, BOX_DIGITS),
    y: roundTo(box.y, BOX_DIGITS),
    width: roundTo(box.width, BOX_DIGITS),
    height: roundTo(box.height, BOX_DIGITS),
  };
}

/**
 * Round probabilities as records have them.
 *
 * @param {ArrayLike<number>} probabilities
 * @returns {number[]}
 */
export function roundedProbabilities(probabilities) {
  return Array.from(probabilities, (p) => roundTo(p, PROBABILITY_DIGITS));
}
