/**
 * Which of a picture's faces are classified, and why there are none.
 *
 * @typedef {import('./geometry.mjs').Box} Box
 * @typedef {import('./photo.mjs').FoundFace} FoundFace
 * @typedef {import('./raster.mjs').Raster} Raster
 *
 * @typedef {object} Selection which faces are wanted
 * @property {boolean} crops each picture is a face that is cut out already, whatever its size
 * @property {number} min_confidence the least confidence of the detector, 0 to 1
 * @property {number} min_px the least size: the shorter side of the face's box, in pixels
 * @property {boolean} largest only the largest face of each picture
 */

import { areaOf } from './geometry.mjs';
import { general } from './numbers.mjs';
import { LEAST_PX, wholePicture } from './photo.mjs';

export const NO_FACE = 'no face found';

/**
 * Throw an error if a number is out of its range.
 *
 * @param {Selection} selection
 */
export function requireSelection(selection) {
  if (!(selection.min_confidence >= 0 && selection.min_confidence <= 1)) {
    throw new Error(`min_confidence ${selection.min_confidence}, expected 0 to 1`);
  }
  if (!(selection.min_px >= 0 && selection.min_px < Infinity)) {
    throw new Error(`min_px ${selection.min_px}, expected 0 pixels or more`);
  }
}

/**
 * Return the faces of an RGB picture that are wanted, in their order.
 *
 * @param {FoundFace[]} faces
 * @param {Raster} picture
 * @param {Selection} selection
 * @returns {FoundFace[]}
 */
export function chooseFaces(faces, picture, selection) {
  const chosen = faces.filter((face) => isWanted(face, picture, selection));
  if (!selection.largest || chosen.length === 0) {
    return chosen;
  }
  let [largest] = chosen;
  for (const face of chosen) {
    if (areaOf(boxOf(face, picture)) > areaOf(boxOf(largest, picture))) {
      largest = face;
    }
  }
  return [largest];
}

/**
 * Say why none of the faces found in an RGB picture is left.
 *
 * @param {FoundFace[]} faces
 * @param {Raster} picture
 * @param {Selection} selection
 * @returns {string}
 */
export function whyNoFace(faces, picture, selection) {
  const { width, height } = picture;
  if (faces.length > 0) {
    const limits = [];
    if (selection.min_confidence > 0) {
      limits.push(`min_confidence ${general(selection.min_confidence)}`);
    }
    if (selection.min_px > 0) {
      limits.push(`min_px ${general(selection.min_px)}`);
    }
    return `found but not wanted: ${faces.length} (${limits.join(', ')})`;
  }
  if (wholePicture(picture, selection.crops) !== null && Math.min(width, height) < LEAST_PX) {
    return `too small: ${width}×${height} pixels, at least ${LEAST_PX} are needed`;
  }
  return NO_FACE;
}

/**
 * @param {FoundFace} face
 * @param {Raster} picture
 * @param {Selection} selection
 * @returns {boolean}
 */
function isWanted(face, picture, selection) {
  if (face.detection !== null && face.detection.probability < selection.min_confidence) {
    return false;
  }
  const box = boxOf(face, picture);
  return Math.min(box.width, box.height) >= selection.min_px;
}

/**
 * Return the detector's box, or that of the whole picture where that is the face.
 *
 * @param {FoundFace} face
 * @param {Raster} picture
 * @returns {Box}
 */
export function boxOf(face, picture) {
  if (face.detection !== null) {
    return face.detection.box;
  }
  return { x: 0, y: 0, width: picture.width, height: picture.height };
}
