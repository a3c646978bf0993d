/**
 * Detecting faces in a picture of any shape and any orientation with a detector of upright faces.
 *
 * @typedef {import('./detect.mjs').Detection} Detection
 * @typedef {import('./detect.mjs').Detector} Detector
 * @typedef {import('./geometry.mjs').Point} Point
 * @typedef {import('./raster.mjs').Raster} Raster
 */

import { SMALL_PX } from './detect.mjs';
import { iou, nms } from './geometry.mjs';
import { roundHalfEven } from './numbers.mjs';
import { cutOut, turnedByQuarters } from './raster.mjs';
import { resize } from './resize.mjs';

/** A picture with a larger ratio of sides is also searched in pieces. */
const PANORAMA_RATIO = 2;

/** In a still longer picture the pieces are no squares but longer, so that a strip of a few pixels takes no minutes. */
const MAX_PIECES = 100;

/** Of two faces with a larger intersection over union, found in two searches, the less confident one is dropped. */
const MAX_IOU = 0.3;

/** A face with a lower detector probability is looked at in the other orientations, too. */
const SURE_PROBABILITY = 0.9;

/** By how much the detector must be surer of a face in another orientation to turn it. */
const SURER = 0.02;

/** What is found in a turned picture needs this probability. */
const TURNED_PROBABILITY = 0.75;

const ALL_QUARTERS = [0, 1, 2, 3];

/**
 * Detect the faces of an RGB picture, upright or turned by quarters, the most confident first.
 *
 * A detector also finds faces that are upside down or lie on their side, but it is less sure of them, and puts the
 * landmarks where an upright face would have them.  So where nothing is found, and around each face of which the
 * detector isn't sure, the picture is searched again in the other three orientations, and of what overlaps the most
 * confident face is kept.
 *
 * @param {Raster} picture as it is shown
 * @param {Detector} detector
 * @param {number} quarters by how many quarters the picture is turned counter-clockwise for the first search
 * @param {boolean} turn whether to look in the other orientations
 * @returns {Promise<Detection[]>}
 */
export async function detectFaces(picture, detector, quarters, turn) {
  const found = await detectAt(picture, detector, quarters);
  if (!turn) {
    return found;
  }
  if (found.length === 0) {
    return detectTurned(picture, detector, quarters);
  }
  const faces = [];
  for (const face of found) {
    faces.push(await lookedAtAgain(picture, face, detector));
  }
  const others = new Set(faces.map((face) => face.rotated / 90));
  others.delete(quarters);
  if (others.size === 0) {
    return faces;
  }
  for (const other of ALL_QUARTERS) {
    if (others.has(other)) {
      // The whole picture has the face at the size for which the framing was measured.
      faces.push(...surest(await detectAt(picture, detector, other)));
    }
  }
  return nms(faces, MAX_IOU);
}

/**
 * Search a picture that is turned by quarters; boxes and landmarks are those of the picture as it is.
 *
 * @param {Raster} picture
 * @param {Detector} detector
 * @param {number} quarters
 * @returns {Promise<Detection[]>}
 */
async function detectAt(picture, detector, quarters) {
  if (quarters === 0) {
    return detectUpright(picture, detector);
  }
  const turned = turnedByQuarters(picture, quarters);
  const found = [];
  for (const face of await detectUpright(turned, detector)) {
    found.push(turnedBack(face, quarters, turned.width, turned.height));
  }
  return found;
}

/**
 * Search a picture in the three other orientations than this one.
 *
 * @param {Raster} picture
 * @param {Detector} detector
 * @param {number} quarters
 * @returns {Promise<Detection[]>}
 */
async function detectTurned(picture, detector, quarters) {
  const found = [];
  for (const other of ALL_QUARTERS) {
    if (other !== quarters) {
      found.push(...surest(await detectAt(picture, detector, other)));
    }
  }
  return nms(found, MAX_IOU);
}

/**
 * @param {Detection[]} found
 * @returns {Detection[]}
 */
function surest(found) {
  return found.filter((face) => face.probability >= TURNED_PROBABILITY);
}

/**
 * Look at a face in the other orientations if the detector isn't sure of it; return the surest finding.
 *
 * @param {Raster} picture
 * @param {Detection} face
 * @param {Detector} detector
 * @returns {Promise<Detection>}
 */
async function lookedAtAgain(picture, face, detector) {
  const { x, y, width, height } = face.box;
  const side = Math.max(width, height);
  const left = Math.max(0, roundHalfEven(x + width / 2 - side));
  const top = Math.max(0, roundHalfEven(y + height / 2 - side));
  const right = Math.min(picture.width, roundHalfEven(x + width / 2 + side));
  const bottom = Math.min(picture.height, roundHalfEven(y + height / 2 + side));
  if (face.probability >= SURE_PROBABILITY || left >= right || top >= bottom) {
    return face;
  }
  let around = cutOut(picture, left, top, right - left, bottom - top);
  const shrink = Math.max(1, Math.max(around.width, around.height) / SMALL_PX);
  if (shrink > 1) {
    const newWidth = Math.max(1, roundHalfEven(around.width / shrink));
    const newHeight = Math.max(1, roundHalfEven(around.height / shrink));
    around = resize(around, newWidth, newHeight, 'bilinear');
  }
  let best = face;
  for (const turned of await detectTurned(around, detector, face.rotated / 90)) {
    const found = moved(enlarged(turned, shrink), left, top);
    const isSurer = found.probability > Math.max(best.probability, face.probability + SURER);
    if (isSurer && iou(found.box, face.box) > MAX_IOU) {
      best = found;
    }
  }
  return best;
}

/**
 * Detect the upright faces of a picture, whatever its shape.
 *
 * A detector that sees a fixed number of pixels would see little of a panorama.  So a picture more than twice as long as
 * wide is searched as a whole, and once more in squares of its shorter side, each half over the one before.  A box that
 * crosses an edge between squares is left to the square that has all of it.
 *
 * @param {Raster} picture
 * @param {Detector} detector
 * @returns {Promise<Detection[]>}
 */
async function detectUpright(picture, detector) {
  const detections = await detector.detect(picture);
  const { width, height } = picture;
  if (Math.max(width, height) <= PANORAMA_RATIO * Math.min(width, height)) {
    return detections;
  }
  const all = [...detections];
  for (const { left, top, right, bottom } of pieces(width, height)) {
    const piece = cutOut(picture, left, top, right - left, bottom - top);
    for (const detection of await detector.detect(piece)) {
      const found = moved(detection, left, top);
      const { box } = found;
      const isWholeAcross = isInside(box.x, box.x + box.width, left, right, width);
      const isWholeDown = isInside(box.y, box.y + box.height, top, bottom, height);
      if (isWholeAcross && isWholeDown) {
        all.push(found);
      }
    }
  }
  return nms(all, MAX_IOU);
}

/**
 * Return pieces that cover a panorama, in pixels, the last one flush with its end.
 *
 * @param {number} width
 * @param {number} height
 * @returns {{left: number, top: number, right: number, bottom: number}[]}
 */
function pieces(width, height) {
  const longer = Math.max(width, height);
  const side = Math.max(Math.min(width, height), Math.floor((2 * longer) / MAX_PIECES));
  const starts = [];
  for (let start = 0; start < longer - side; start += Math.max(1, Math.floor(side / 2))) {
    starts.push(start);
  }
  starts.push(longer - side);
  return starts.map((start) => {
    if (width > height) {
      return { left: start, top: 0, right: start + side, bottom: height };
    }
    return { left: 0, top: start, right: width, bottom: start + side };
  });
}

/**
 * Whether a span lies in its piece, or reaches over the picture's borders, 0 and `end`.
 *
 * @param {number} low where the span begins
 * @param {number} high where it ends
 * @param {number} start where the piece begins
 * @param {number} stop where it ends
 * @param {number} end
 * @returns {boolean}
 */
function isInside(low, high, start, stop, end) {
  return (low >= start || start === 0) && (high <= stop || stop >= end);
}

/**
 * @param {Detection} detection
 * @param {number} left by how many pixels it is moved to the right
 * @param {number} top and down
 * @returns {Detection}
 */
function moved(detection, left, top) {
  const { x, y, width, height } = detection.box;
  const landmarks = detection.landmarks.map((point) => ({ x: point.x + left, y: point.y + top }));
  return { ...detection, box: { x: x + left, y: y + top, width, height }, landmarks };
}

/**
 * @param {Detection} detection
 * @param {number} scale
 * @returns {Detection}
 */
function enlarged(detection, scale) {
  const { x, y, width, height } = detection.box;
  const box = { x: scale * x, y: scale * y, width: scale * width, height: scale * height };
  const landmarks = detection.landmarks.map((point) => ({ x: scale * point.x, y: scale * point.y }));
  return { ...detection, box, landmarks };
}

/**
 * Give a face of a picture of this size its place in the picture before that was turned counter-clockwise.
 *
 * @param {Detection} detection
 * @param {number} quarters
 * @param {number} width of the turned picture, in pixels
 * @param {number} height
 * @returns {Detection}
 */
function turnedBack(detection, quarters, width, height) {
  const { x, y, width: boxWidth, height: boxHeight } = detection.box;
  /** @type {Point[]} */
  let points = [{ x, y }, { x: x + boxWidth, y: y + boxHeight }, ...detection.landmarks];
  let [across, down] = [width, height];
  for (let i = 0; i < quarters; i += 1) {
    // A quarter clockwise: down becomes left, and the height becomes the width.
    const end = down;
    points = points.map((point) => ({ x: end - point.y, y: point.x }));
    [across, down] = [down, across];
  }
  const [a, b, ...landmarks] = points;
  const left = Math.min(a.x, b.x);
  const top = Math.min(a.y, b.y);
  const box = { x: left, y: top, width: Math.max(a.x, b.x) - left, height: Math.max(a.y, b.y) - top };
  return { ...detection, box, landmarks, rotated: 90 * quarters };
}
