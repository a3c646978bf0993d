/**
 * From pictures and frames to records: what `mien predict` does with a photo, and `Model.tracker` with a camera.
 *
 * @typedef {import('./detect.mjs').Detector} Detector
 * @typedef {import('./network.mjs').Network} Network
 * @typedef {import('./photo.mjs').FoundFace} FoundFace
 * @typedef {import('./raster.mjs').Raster} Raster
 * @typedef {import('./records.mjs').Face} Face
 * @typedef {import('./records.mjs').FaceRecord} FaceRecord
 * @typedef {import('./records.mjs').PictureResult} PictureResult
 * @typedef {import('./selection.mjs').Selection} Selection
 *
 * @typedef {Selection & {align: boolean}} Options align: turn each face so that its eyes are level
 *
 * @typedef {object} Answer
 * @property {FaceRecord[]} records one per face; one that says why where there is none
 * @property {(Uint8Array | null)[]} images of each record what the network saw, grey, (48, 48)
 */

import { centreOf } from './geometry.mjs';
import { occlude, toUint8 } from './occlusion.mjs';
import { findFaces } from './photo.mjs';
import { flaws } from './quality.mjs';
import { recordsOf } from './records.mjs';
import { boxOf, chooseFaces, requireSelection, whyNoFace } from './selection.mjs';
import { Tracker } from './tracking.mjs';

/** Seconds of a video between two tries of other orientations. */
const TURN_S = 1;

/** What a camera is called in records. */
const LIVE = 'live';

/** Finds and classifies the faces of pictures, and of a camera's frames one after the other. */
export class Reader {
  /**
   * @param {Detector} detector
   * @param {Network} network
   */
  constructor(detector, network) {
    this.detector = detector;
    this.network = network;
    this.camera = new Camera();
  }

  /** Begin anew with a camera: new tracks, orientation searched anew. */
  forget() {
    this.camera = new Camera();
  }

  /**
   * Find and classify the faces of a picture, from left to right.
   *
   * @param {string} source its name
   * @param {Raster} picture RGB
   * @param {Options} options
   * @returns {Promise<Answer>}
   */
  async readPicture(source, picture, options) {
    requireSelection(options);
    const found = await findFaces(picture, this.detector, this.how(options, 0, true));
    const chosen = chooseFaces(found, picture, options);
    sortFromLeft(chosen, picture);
    const reason = chosen.length === 0 ? whyNoFace(found, picture, options) : null;
    const faces = await this.classify(chosen, picture);
    return this.answer({ source, faces, frame: null, timeS: null, reason });
  }

  /**
   * Find, classify and track the faces of a camera's next frame.
   *
   * @param {Raster} picture RGB
   * @param {number} frame its number, from 0
   * @param {number} timeS when it was taken, in seconds, later than the frame before
   * @param {Options & {smooth_s: number}} options smooth_s: time constant in seconds over which probabilities are
   *   averaged along a track; 0: not at all
   * @returns {Promise<Answer>}
   */
  async readFrame(picture, frame, timeS, options) {
    requireSelection(options);
    if (!(options.smooth_s >= 0 && options.smooth_s < Infinity)) {
      throw new Error(`smoothing over ${options.smooth_s} s, expected 0 or more`);
    }
    const { camera } = this;
    if (timeS <= camera.lastS) {
      throw new Error(`time_s ${timeS}: expected later than the frame before, ${camera.lastS}`);
    }
    const turn = camera.orientation.mayTurn(timeS);
    const found = await findFaces(picture, this.detector, this.how(options, camera.orientation.quarters, turn));
    if (turn) {
      camera.orientation.keep(found);
    }
    const chosen = chooseFaces(found, picture, options);
    const reason = chosen.length === 0 ? whyNoFace(found, picture, options) : null;
    const faces = await this.classify(chosen, picture);
    camera.lastS = timeS;
    const result = { source: LIVE, faces, frame, timeS, reason };
    return this.answer(camera.tracker.update(result, timeS, options.smooth_s));
  }

  /**
   * Map which parts of a face speak for a class.
   *
   * @param {Uint8Array} image grey, (48, 48)
   * @param {string} label the class's name
   * @returns {Promise<Uint8Array>} (48, 48); white speaks for the class
   */
  async explain(image, label) {
    const explained = this.network.card.classes.indexOf(label);
    if (explained < 0) {
      throw new Error(`no class '${label}'; the network knows ${this.network.card.classes.join(', ')}`);
    }
    return toUint8(await occlude((images) => this.network.classify(images), image, explained));
  }

  /**
   * @param {Options} options
   * @param {number} quarters
   * @param {boolean} turn
   */
  how(options, quarters, turn) {
    return { margin: this.network.card.input.crop_margin, align: options.align, crops: options.crops, quarters, turn };
  }

  /**
   * @param {FoundFace[]} found
   * @param {Raster} picture
   * @returns {Promise<Face[]>}
   */
  async classify(found, picture) {
    const rows = await this.network.classify(found.map((face) => face.image));
    return found.map((face, k) => {
      const sidePx = face.square?.side ?? Math.min(picture.width, picture.height);
      return {
        face: String(k + 1),
        probabilities: rows[k],
        box: boxOf(face, picture),
        image: face.image,
        rotated: face.detection?.rotated ?? 0,
        crop: face.crop,
        quality: flaws(face.image, sidePx, face.detection?.probability ?? null),
      };
    });
  }

  /**
   * @param {PictureResult} result
   * @returns {Answer}
   */
  answer(result) {
    /** @type {(Uint8Array | null)[]} */
    const images = result.faces.map((face) => face.image);
    return { records: recordsOf(result, this.network.card.classes), images: images.length > 0 ? images : [null] };
  }
}

/** What is known of a camera's frames so far. */
class Camera {
  constructor() {
    this.tracker = new Tracker();
    this.orientation = new Orientation();
    this.lastS = -Infinity;
  }
}

/**
 * By how many quarters a camera's frames are turned for the first search, and whether others follow it.
 *
 * Frames begin with the orientation in which a face was found last, and the others are tried at the first frame and then
 * at most once in `TURN_S`, since they cost three more searches.
 */
class Orientation {
  constructor() {
    this.quarters = 0;
    this.nextS = -Infinity;
  }

  /**
   * Say whether other orientations may be tried on this frame.
   *
   * @param {number} timeS
   * @returns {boolean}
   */
  mayTurn(timeS) {
    if (timeS < this.nextS) {
      return false;
    }
    this.nextS = timeS + TURN_S;
    return true;
  }

  /**
   * Take the orientation of the most confident face for the frames that follow.
   *
   * @param {FoundFace[]} found
   */
  keep(found) {
    const rotated = found[0]?.detection?.rotated;
    if (rotated !== undefined) {
      this.quarters = rotated / 90;
    }
  }
}

/**
 * Sort a picture's faces by their centres from left to right, then from top to bottom.
 *
 * @param {FoundFace[]} faces
 * @param {Raster} picture
 */
function sortFromLeft(faces, picture) {
  faces.sort((one, other) => {
    const a = centreOf(boxOf(one, picture));
    const b = centreOf(boxOf(other, picture));
    return a.x - b.x || a.y - b.y;
  });
}
