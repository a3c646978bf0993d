/**
 * Which faces of a camera's frames are one person's, and their probabilities smoothed over time.
 *
 * @typedef {import('./geometry.mjs').Box} Box
 * @typedef {import('./records.mjs').Face} Face
 * @typedef {import('./records.mjs').PictureResult} PictureResult
 */

import { centreOf, iou } from './geometry.mjs';
import { roundTo } from './numbers.mjs';
import { TIME_DIGITS, roundedBox, roundedProbabilities } from './records.mjs';

/** A face belongs to a track only if its box and the one expected have at least this intersection over union. */
const MIN_IOU = 0.3;

/** A track ends that was not in the frame before, nor within this time. */
const LOST_S = 1;

/**
 * The time constant of a track's motion, which tells where its face is expected: long enough that the jitter of the boxes
 * is not taken for motion.
 */
const STEADY_S = 0.2;

/**
 * Numbers the faces of one frame after the other by track, and smooths each track's probabilities.
 *
 * A face belongs to the track whose expected box, moved on as the face has moved so far, it overlaps most; pairs are
 * taken from the largest overlap down.  A face that overlaps none by `MIN_IOU` begins a track, as all do after a cut.  A
 * track ends after `LOST_S` without a face.
 *
 * Smoothing is exponential: over a time t since the track's face before, the smoothed probabilities p become
 * p + (1 − exp(−t / smoothS)) (q − p) with the face's own q, so it does not depend on the frame rate.
 */
export class Tracker {
  constructor() {
    this.lastS = -Infinity;
    this.count = 0;
    /** @type {Track[]} */
    this.tracks = [];
  }

  /**
   * Return the next frame with its faces numbered by track, and their probabilities smoothed.
   *
   * @param {PictureResult} frame
   * @param {number} frameS its time in seconds, later than that of the frame before
   * @param {number} smoothS the time constant in seconds; 0 leaves the probabilities as they are
   * @returns {PictureResult}
   */
  update(frame, frameS, smoothS) {
    const timeS = roundTo(frameS, TIME_DIGITS);
    this.tracks = this.tracks.filter((one) => one.timeS === this.lastS || timeS - one.timeS <= LOST_S);
    const boxes = frame.faces.map((face) => roundedBox(face.box));
    const expected = this.tracks.map((one) => one.expected(timeS));
    const owners = matchBoxes(boxes, expected);
    const faces = frame.faces.map((face, k) => {
      const known = owners.get(k);
      let owner;
      if (known === undefined) {
        this.count += 1;
        owner = new Track(this.count, boxes[k], timeS, face.probabilities);
        this.tracks.push(owner);
      } else {
        owner = this.tracks[known];
        owner.follow(face, boxes[k], timeS, smoothS);
      }
      return { ...face, face: String(owner.number), probabilities: owner.probabilities };
    });
    this.lastS = timeS;
    return { ...frame, faces };
  }
}

/** A face over time: its last box, its velocity in pixels a second, its smoothed probabilities. */
class Track {
  /**
   * @param {number} number
   * @param {Box} box
   * @param {number} timeS
   * @param {ArrayLike<number>} probabilities of each class
   */
  constructor(number, box, timeS, probabilities) {
    this.number = number;
    this.box = box;
    this.timeS = timeS;
    this.probabilities = probabilities;
    this.velocity = { x: 0, y: 0 };
  }

  /**
   * Return where its face is expected.
   *
   * @param {number} timeS
   * @returns {Box}
   */
  expected(timeS) {
    const passedS = timeS - this.timeS;
    const { x, y, width, height } = this.box;
    return { x: x + this.velocity.x * passedS, y: y + this.velocity.y * passedS, width, height };
  }

  /**
   * Take the track's next face, at a later time.
   *
   * @param {Face} face
   * @param {Box} box
   * @param {number} timeS
   * @param {number} smoothS
   */
  follow(face, box, timeS, smoothS) {
    const passedS = timeS - this.timeS;
    const now = centreOf(box);
    const before = centreOf(this.box);
    // Motion is smoothed too: the boxes' jitter must not look like motion.
    const steady = weightAfter(passedS, STEADY_S);
    const { x, y } = this.velocity;
    this.velocity = {
      x: x + steady * ((now.x - before.x) / passedS - x),
      y: y + steady * ((now.y - before.y) / passedS - y),
    };
    const weight = weightAfter(passedS, smoothS);
    const known = roundedProbabilities(this.probabilities);
    this.probabilities = known.map((p, k) => p + weight * (face.probabilities[k] - p));
    this.box = box;
    this.timeS = timeS;
  }
}

/**
 * Pair boxes with expected ones, each at most once, from the largest overlap down.
 *
 * @param {Box[]} boxes
 * @param {Box[]} expected
 * @returns {Map<number, number>} index of a box to index of an expected one
 */
function matchBoxes(boxes, expected) {
  const pairs = [];
  for (const [k, box] of boxes.entries()) {
    for (const [t, other] of expected.entries()) {
      pairs.push({ overlap: iou(box, other), k, t });
    }
  }
  pairs.sort((a, b) => b.overlap - a.overlap || b.k - a.k || b.t - a.t);
  const owners = new Map();
  const taken = new Set();
  for (const { overlap, k, t } of pairs) {
    if (overlap >= MIN_IOU && !owners.has(k) && !taken.has(t)) {
      owners.set(k, t);
      taken.add(t);
    }
  }
  return owners;
}

/**
 * Return how much of a change exponential smoothing has followed after a time.
 *
 * @param {number} passedS
 * @param {number} constantS
 * @returns {number}
 */
function weightAfter(passedS, constantS) {
  if (constantS === 0) {
    return 1;
  }
  return 1 - Math.exp(-passedS / constantS);
}
