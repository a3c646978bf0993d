/**
 * Rectangles and squares in a picture, and how much they overlap.
 *
 * Pixel coordinates run right and down from the picture's top left corner, so the first pixel's centre is (0.5, 0.5).
 *
 * @typedef {object} Box a rectangle in pixels
 * @property {number} x of the left side
 * @property {number} y of the upper side
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Square a square in a picture, in pixels
 * @property {number} x of its centre
 * @property {number} y of its centre
 * @property {number} side
 * @property {number} rotationDeg by how many degrees it is turned clockwise
 *
 * @typedef {object} Point
 * @property {number} x
 * @property {number} y
 */

/**
 * Return the intersection over union of two boxes, 0 to 1.
 *
 * @param {Box} a
 * @param {Box} b
 * @returns {number}
 */
export function iou(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) {
    return 0;
  }
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/**
 * Of things with boxes that overlap keep the most probable (greedy non-maximum suppression).
 *
 * @template {{box: Box, probability: number}} T
 * @param {T[]} found
 * @param {number} maxIou the largest intersection over union at which both stay
 * @returns {T[]} the most probable first
 */
export function nms(found, maxIou) {
  const sorted = [...found].sort((a, b) => b.probability - a.probability);
  /** @type {T[]} */
  const kept = [];
  for (const one of sorted) {
    if (kept.every((other) => iou(one.box, other.box) <= maxIou)) {
      kept.push(one);
    }
  }
  return kept;
}

/**
 * Return the centre of a box.
 *
 * @param {Box} box
 * @returns {Point}
 */
export function centreOf(box) {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/**
 * Return the area of a box, in pixels.
 *
 * @param {Box} box
 * @returns {number}
 */
export function areaOf(box) {
  return box.width * box.height;
}
