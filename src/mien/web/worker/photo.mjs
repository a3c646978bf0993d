/**
 * From a picture to its faces as a network takes them.
 *
 * @typedef {import('./detect.mjs').Detection} Detection
 * @typedef {import('./detect.mjs').Detector} Detector
 * @typedef {import('./geometry.mjs').Square} Square
 * @typedef {import('./raster.mjs').Raster} Raster
 *
 * @typedef {'given' | 'assumed'} Crop why a whole picture is a face: the caller says so, or it is too small to search
 *
 * @typedef {object} FoundFace a face of a picture
 * @property {Uint8Array} image the face as a network takes it, grey, (48, 48)
 * @property {Square | null} square where it was cut from the upright picture; null if the whole picture is the face
 * @property {Detection | null} detection what the detector found; null if the whole picture is the face
 * @property {Crop | null} crop why the whole picture is the face; null if the detector found it
 */

import { cropFace, faceSquare } from './crop.mjs';
import { grey } from './raster.mjs';
import { detectFaces } from './orientations.mjs';
import { SIZE, resizeToFace } from './resize.mjs';

/** The largest ratio of sides at which a small picture may itself be a face. */
const NEARLY_SQUARE = 4 / 3;

/** A picture with a shorter side is no face as a whole. */
export const LEAST_PX = 12;

/**
 * Find the faces of an RGB picture and cut them out.
 *
 * A picture goes to the detector, a panorama also in pieces, and only what is found is a face.  A picture of at most
 * 48 pixels, its longer side at most 4/3 of the shorter one, is not searched: it is taken for a face that is cut out
 * already, and marked as assumed.  Below `LEAST_PX` pixels a picture has no face.
 *
 * @param {Raster} picture RGB
 * @param {Detector} detector
 * @param {{margin: number, align: boolean, crops: boolean, quarters: number, turn: boolean}} how margin and align: see
 *   `faceSquare`; crops: the picture is a face that is cut out already, whatever its size; quarters and turn: see
 *   `detectFaces`
 * @returns {Promise<FoundFace[]>} the most confident first; none if there are none
 */
export async function findFaces(picture, detector, how) {
  const crop = wholePicture(picture, how.crops);
  if (crop !== null) {
    if (Math.min(picture.width, picture.height) < LEAST_PX) {
      return [];
    }
    return [{ image: resizeToFace(grey(picture)).levels, square: null, detection: null, crop }];
  }
  const found = [];
  for (const detection of await detectFaces(picture, detector, how.quarters, how.turn)) {
    const square = faceSquare(detection, how.margin, how.align);
    found.push({ image: cropFace(picture, square).levels, square, detection, crop: null });
  }
  return found;
}

/**
 * Say whether an RGB picture is a face as a whole and not searched, and why.
 *
 * @param {Raster} picture
 * @param {boolean} crops see `findFaces`
 * @returns {Crop | null}
 */
export function wholePicture(picture, crops) {
  if (crops) {
    return 'given';
  }
  const shorter = Math.min(picture.width, picture.height);
  if (Math.max(picture.width, picture.height) <= Math.min(SIZE, NEARLY_SQUARE * shorter)) {
    return 'assumed';
  }
  return null;
}
