/**
 * Cutting a face out of a picture, framed as FER2013's faces are.
 *
 * @typedef {import('./detect.mjs').Detection} Detection
 * @typedef {import('./geometry.mjs').Square} Square
 * @typedef {import('./raster.mjs').Raster} Raster
 */

import { centreOf } from './geometry.mjs';
import { clamp, roundHalfEven } from './numbers.mjs';
import { blackRaster, cutOut, grey } from './raster.mjs';
import { resizeToFace } from './resize.mjs';

/**
 * A turned square's centre and angle are multiples of this, in pixels and degrees: the last digits of a detector depend
 * on the processor, and one grey level of one pixel moves a probability of an int8 graph by up to 0.02.
 */
const GRID = 1 / 8;

/**
 * Return the square to cut out: the centre and the area of the detected box.
 *
 * @param {Detection} detection
 * @param {number} margin the part of the square's side that is added on each side; a card has it as `crop_margin`
 * @param {boolean} align turn the square so that the line between the eyes is level in it
 * @returns {Square}
 */
export function faceSquare(detection, margin, align) {
  const { width, height } = detection.box;
  const [rightEye, leftEye] = detection.landmarks;
  let rotationDeg = detection.rotated;
  if (align) {
    rotationDeg = Math.atan2(leftEye.y - rightEye.y, leftEye.x - rightEye.x) * (180 / Math.PI);
  }
  const side = Math.sqrt(width * height) * (1 + 2 * margin);
  return { ...centreOf(detection.box), side, rotationDeg };
}

/**
 * Cut a square out of an RGB picture as a grey face.
 *
 * The square is rounded to whole pixels unless it is turned; then its centre and angle are rounded to `GRID`, and it is
 * sampled at the picture's own resolution, bicubic.  Where it reaches over the picture's border, the border's pixels are
 * repeated, as augmentation does in training: black would be an edge that no face has.
 *
 * @param {Raster} picture RGB
 * @param {Square} square
 * @returns {Raster} grey, 48×48
 */
export function cropFace(picture, square) {
  const side = Math.max(1, roundHalfEven(square.side));
  const angle = onGrid(square.rotationDeg) * (Math.PI / 180);
  if (angle === 0) {
    const left = roundHalfEven(square.x - side / 2);
    const top = roundHalfEven(square.y - side / 2);
    return resizeToFace(grey(cutOut(picture, left, top, side, side)));
  }
  // What the turned square covers, and the bicubic filter's neighbours.
  const reach = Math.ceil(side * Math.sqrt(2)) + 4;
  const centreX = onGrid(square.x);
  const centreY = onGrid(square.y);
  const left = Math.floor(centreX - reach / 2);
  const top = Math.floor(centreY - reach / 2);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const x = centreX - left - ((cos - sin) * side) / 2; // the square's first corner
  const y = centreY - top - ((sin + cos) * side) / 2;
  const around = grey(cutOut(picture, left, top, reach, reach));
  return resizeToFace(turnedSquare(around, side, cos, sin, x, y));
}

/**
 * @param {number} value
 * @returns {number}
 */
function onGrid(value) {
  return roundHalfEven(value / GRID) * GRID;
}

/**
 * Sample a turned square, bicubic with a = -1 as Pillow's transforms do; it must lie inside the picture.
 *
 * @param {Raster} picture grey
 * @param {number} side the square's, in pixels
 * @param {number} cos of the angle by which it is turned clockwise
 * @param {number} sin
 * @param {number} left its first corner's x
 * @param {number} top its first corner's y
 * @returns {Raster} grey, side×side
 */
function turnedSquare(picture, side, cos, sin, left, top) {
  const made = blackRaster(side, side, 1);
  const rows = new Float64Array(4);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const fromX = cos * (x + 0.5) + -sin * (y + 0.5) + left - 0.5;
      const fromY = sin * (x + 0.5) + cos * (y + 0.5) + top - 0.5;
      const column = Math.floor(fromX);
      const row = Math.floor(fromY);
      for (let k = 0; k < 4; k += 1) {
        rows[k] = cubicInRow(picture, clamp(row - 1 + k, 0, picture.height - 1), column, fromX - column);
      }
      const level = Math.fround(cubic(rows[0], rows[1], rows[2], rows[3], fromY - row));
      made.levels[y * side + x] = clamp(roundHalfEven(level), 0, 255);
    }
  }
  return made;
}

/**
 * @param {Raster} picture grey
 * @param {number} row
 * @param {number} column the second of the four that are mixed
 * @param {number} part how far between the second and the third, 0 to 1
 * @returns {number}
 */
function cubicInRow(picture, row, column, part) {
  const { levels, width } = picture;
  const start = row * width;
  const last = width - 1;
  return cubic(
    levels[start + clamp(column - 1, 0, last)],
    levels[start + clamp(column, 0, last)],
    levels[start + clamp(column + 1, 0, last)],
    levels[start + clamp(column + 2, 0, last)],
    part,
  );
}

/**
 * Mix four neighbours.
 *
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @param {number} d
 * @param {number} part how far between b and c, 0 to 1
 * @returns {number}
 */
function cubic(a, b, c, d, part) {
  const second = 2 * (a - b) + c - d;
  const third = -a + b - c + d;
  return b + part * (-a + c + part * (second + part * third));
}
