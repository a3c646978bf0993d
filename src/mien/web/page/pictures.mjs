/**
 * The pictures that were given, looked at one after the other.
 *
 * @typedef {import('./client.mjs').Answer} Answer
 * @typedef {Answer & {ms: number}} Timed ms how long decoding and looking took
 * @typedef {import('./client.mjs').Client} Client
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 * @typedef {import('./client.mjs').Options} Options
 *
 * @typedef {object} Picture
 * @property {number} id
 * @property {File} file
 * @property {Timed | null} answer null until it was looked at
 */

import { decodePicture } from './decode.mjs';
import { SCHEMA_VERSION } from './record_files.mjs';

export class Pictures {
  /**
   * @param {Client} client
   * @param {() => Options} options
   * @param {(picture: Picture) => void} done hears of each picture that was looked at
   * @param {() => void} ended hears when all were looked at, or it was stopped
   */
  constructor(client, options, done, ended) {
    this.client = client;
    this.options = options;
    this.done = done;
    this.ended = ended;
    /** @type {Picture[]} */
    this.all = [];
    this.count = 0;
    /** Goes up when what is being looked at is no longer wanted. */
    this.turn = 0;
    this.isBusy = false;
  }

  /**
   * Add files and look at them.
   *
   * @param {File[]} files
   * @returns {Picture[]} the new ones
   */
  add(files) {
    const added = files.map((file) => {
      this.count += 1;
      return { id: this.count, file, answer: null };
    });
    this.all.push(...added);
    if (!this.isBusy) {
      this.work();
    }
    return added;
  }

  /** Look at all pictures anew, with other options or another network. */
  restart() {
    for (const picture of this.all) {
      picture.answer = null;
    }
    this.work();
  }

  /** Leave out the pictures that were not looked at yet. */
  stop() {
    this.turn += 1;
    this.isBusy = false;
    this.all = this.all.filter((picture) => picture.answer !== null);
    this.ended();
  }

  /** Forget all pictures. */
  clear() {
    this.all = [];
    this.stop();
  }

  /** Look at one picture after the other until none is left. */
  async work() {
    this.turn += 1;
    const { turn } = this;
    this.isBusy = true;
    for (;;) {
      const next = this.all.find((picture) => picture.answer === null);
      if (next === undefined) {
        break;
      }
      const answer = await this.lookAt(next.file);
      if (turn !== this.turn) {
        return; // stopped, or begun anew
      }
      next.answer = answer;
      this.done(next);
    }
    this.isBusy = false;
    this.ended();
  }

  /**
   * @param {File} file
   * @returns {Promise<Timed>}
   */
  async lookAt(file) {
    const begun = performance.now();
    try {
      const bitmap = await decodePicture(file);
      const answer = await this.client.picture(file.name, bitmap, this.options());
      return { ...answer, ms: performance.now() - begun };
    } catch (error) {
      // Ten pictures never become nine records.
      const reason = error instanceof Error ? error.message : String(error);
      return { width: 0, height: 0, records: [failedRecord(file.name, reason)], images: [null], ms: 0 };
    }
  }

  /** @returns {FaceRecord[]} those of all pictures that were looked at */
  records() {
    return this.all.flatMap((picture) => picture.answer?.records ?? []);
  }

  /** @returns {number} how many were looked at */
  finished() {
    return this.all.filter((picture) => picture.answer !== null).length;
  }

  /** @returns {number} how many can't be read */
  unreadable() {
    return this.all.filter((picture) => picture.answer?.width === 0).length;
  }
}

/**
 * @param {string} source
 * @param {string} reason
 * @returns {FaceRecord}
 */
function failedRecord(source, reason) {
  const place = { schema_version: SCHEMA_VERSION, source, frame: null, time_s: null };
  const nothing = { face: null, box: null, label: null, probability: null, probabilities: null, rotated: null };
  return { ...place, ...nothing, crop: null, quality: [], reason };
}
