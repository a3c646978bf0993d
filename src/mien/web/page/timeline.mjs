/**
 * Expression over time, added up in bins as `mien.runtime.timeline` does: the same memory for a second and two hours.
 *
 * @typedef {object} Bin
 * @property {number} startS where it begins, in seconds
 * @property {number} endS where the next one begins: a frame stands until the next
 * @property {number[] | null} means the mean probability of each class over all faces; null without a face
 */

/** The most bins: when the time outgrows them, each two neighbours become one. */
const BINS = 1024;

/** The bins' width until they are merged, in seconds. */
const FIRST_BIN_S = 0.125;

const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export class Timeline {
  /** @param {number} classes how many there are */
  constructor(classes) {
    this.classes = classes;
    this.binS = FIRST_BIN_S;
    this.lastS = 0;
    /** Of each bin: the sums of the probabilities, the number of faces, the number of frames. */
    this.sums = new Float64Array(BINS * (classes + 2));
  }

  /**
   * Take in a frame.
   *
   * @param {number} timeS
   * @param {number[][]} faces of each face the probability of each class
   */
  add(timeS, faces) {
    while (timeS >= BINS * this.binS) {
      this.merge();
    }
    const width = this.classes + 2;
    const start = Math.floor(Math.max(timeS, 0) / this.binS) * width;
    for (const probabilities of faces) {
      for (const [k, p] of probabilities.entries()) {
        this.sums[start + k] += p;
      }
    }
    this.sums[start + this.classes] += faces.length;
    this.sums[start + this.classes + 1] += 1;
    this.lastS = Math.max(this.lastS, timeS);
  }

  /** Make one bin of each two neighbours; the upper half is then empty. */
  merge() {
    const width = this.classes + 2;
    const merged = new Float64Array(this.sums.length);
    for (let bin = 0; bin < BINS; bin += 1) {
      for (let k = 0; k < width; k += 1) {
        merged[Math.floor(bin / 2) * width + k] += this.sums[bin * width + k];
      }
    }
    this.sums = merged;
    this.binS *= 2;
  }

  /** @returns {Bin[]} those with a frame */
  bins() {
    const width = this.classes + 2;
    const found = [];
    for (let bin = 0; bin < BINS; bin += 1) {
      const row = this.sums.subarray(bin * width, (bin + 1) * width);
      const faces = row[this.classes];
      if (row[this.classes + 1] > 0) {
        const sums = Array.from(row.subarray(0, this.classes));
        const means = faces > 0 ? sums.map((sum) => sum / faces) : null;
        found.push({ startS: bin * this.binS, endS: (bin + 1) * this.binS, means });
      }
    }
    for (let k = 0; k + 1 < found.length; k += 1) {
      found[k].endS = found[k + 1].startS;
    }
    return found;
  }

  /** @returns {number[] | null} the mean probability of each class over all faces; null without a face */
  means() {
    const sums = new Array(this.classes).fill(0);
    let faces = 0;
    for (let start = 0; start < this.sums.length; start += this.classes + 2) {
      for (let k = 0; k < this.classes; k += 1) {
        sums[k] += this.sums[start + k];
      }
      faces += this.sums[start + this.classes];
    }
    return faces > 0 ? sums.map((sum) => sum / faces) : null;
  }
}

/**
 * Return where the marks of a time axis stand, in seconds.
 *
 * @param {number} endS
 * @param {number} most how many there may be
 * @returns {number[]}
 */
export function ticks(endS, most) {
  const step = TICKS_S.find((each) => endS / each <= most) ?? TICKS_S[TICKS_S.length - 1];
  const found = [];
  for (let at = 0; at < endS; at += step) {
    found.push(at);
  }
  return found;
}
