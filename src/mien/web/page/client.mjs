/**
 * Asking the worker, which does all the computing.
 *
 * @typedef {object} Options which faces are wanted; the names are those of `mien.predict`
 * @property {boolean} align turn each face so that its eyes are level
 * @property {boolean} crops the pictures are faces that are cut out already
 * @property {number} min_confidence the least confidence of the detector, 0 to 1
 * @property {number} min_px the least size of a face, in pixels
 * @property {boolean} largest only the largest face of each picture
 *
 * @typedef {object} FaceRecord one record of the output, as `mien predict --format json` writes it
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
 * @property {string | null} crop
 * @property {string[]} quality
 * @property {string | null} reason
 *
 * @typedef {object} Answer what was found in one picture or frame
 * @property {number} width of the upright picture in pixels, 0 where it can't be read
 * @property {number} height
 * @property {FaceRecord[]} records one per face; one that says why where there is none
 * @property {(Uint8Array | null)[]} images of each record what the network saw, grey, (48, 48)
 *
 * @typedef {{network: string, classes: string[], warnings: string[]}} InUse the network that answers
 * @typedef {{card: object, graph: ArrayBuffer}} Bundle
 * @typedef {{resolve: (result: any) => void, reject: (error: Error) => void}} Waiting
 */

export class Client {
  /** @param {ArrayBuffer} source the worker's script */
  constructor(source) {
    // A classic worker: Chromium refuses a module as a worker where the page is a file.
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    this.count = 0;
    this.worker.addEventListener('message', ({ data }) => this.hear(data));
    this.worker.addEventListener('error', (event) => this.fail(event.message));
  }

  /**
   * @param {Record<string, ArrayBuffer>} files
   * @param {Record<string, Bundle>} networks
   * @returns {Promise<void>}
   */
  start(files, networks) {
    return this.ask({ kind: 'start', files, networks });
  }

  /**
   * @param {string} network
   * @returns {Promise<InUse>}
   */
  use(network) {
    return this.ask({ kind: 'use', network });
  }

  /**
   * @param {string} name
   * @param {ImageBitmap} bitmap is given away
   * @param {Options} options
   * @returns {Promise<Answer>}
   */
  picture(name, bitmap, options) {
    return this.ask({ kind: 'picture', name, bitmap, options }, [bitmap]);
  }

  /**
   * @param {ImageBitmap} frame is given away
   * @param {number} number from 0
   * @param {number} timeS since the camera began
   * @param {Options & {smooth_s: number}} options
   * @returns {Promise<Answer>}
   */
  frame(frame, number, timeS, options) {
    return this.ask({ kind: 'frame', frame, frame_number: number, time_s: timeS, options }, [frame]);
  }

  /**
   * Begin anew with a camera.
   *
   * @returns {Promise<void>}
   */
  forget() {
    return this.ask({ kind: 'forget' });
  }

  /**
   * Ask which parts of a face speak for a class.
   *
   * @param {Uint8Array} image (48, 48)
   * @param {string} label
   * @returns {Promise<{map: Uint8Array}>} (48, 48)
   */
  explain(image, label) {
    return this.ask({ kind: 'explain', image, label });
  }

  /**
   * @param {object} request
   * @param {Transferable[]} [given] what the worker gets for itself
   * @returns {Promise<any>}
   */
  ask(request, given = []) {
    this.count += 1;
    const id = this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...request }, given);
    });
  }

  /** @param {{id: number, result?: unknown, error?: string}} reply */
  hear({ id, result, error }) {
    const asked = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) {
      asked?.resolve(result);
    } else {
      asked?.reject(new Error(error));
    }
  }

  /** @param {string} message why the worker can answer no more */
  fail(message) {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of all) {
      reject(new Error(message));
    }
  }
}
