/**
 * The webcam: asks for it, and gives its frames to the worker one after the other.
 *
 * @typedef {import('./client.mjs').Answer} Answer
 * @typedef {import('./client.mjs').Client} Client
 * @typedef {import('./client.mjs').Options} Options
 */

/** Probabilities are averaged over this time along a track, in seconds, as `Model.tracker` does. */
const SMOOTH_S = 0.25;

/** Frames a second are counted over so many frames. */
const RATE_FRAMES = 12;

/** What went wrong, by the name of the browser's error. */
const TROUBLES = new Map([
  ['NotAllowedError', 'This page may not use the camera. Allow it beside the address, then try again.'],
  ['NotFoundError', 'No camera was found. Connect one, then try again.'],
  ['NotReadableError', 'The camera is in use by another program. Close that, then try again.'],
]);

const NO_ACCESS =
  'Browsers give a camera only to pages on this machine or behind https. Open the page’s file itself.';

export class Camera {
  /**
   * @param {Client} client
   * @param {HTMLVideoElement} video
   * @param {() => Options} options
   */
  constructor(client, video, options) {
    this.client = client;
    this.video = video;
    this.options = options;
    /** @type {MediaStream | null} */
    this.stream = null;
    /** Goes up when what is being looked at is no longer wanted. */
    this.turn = 0;
    /** @type {Promise<void>} */
    this.work = Promise.resolve();
    /** When the last frames were answered, in seconds.
     * @type {number[]} */
    this.answeredS = [];
    /** @type {(answer: Answer) => void} hears of each frame */
    this.seen = () => {};
    /** @type {(trouble: string | null) => void} hears that the camera is off, and why, if nobody wanted that */
    this.stopped = () => {};
  }

  get isOn() {
    return this.stream !== null;
  }

  /**
   * Ask for the camera and turn it on.
   *
   * @throws {Error} with a sentence that says why it can't be used
   */
  async open() {
    if (navigator.mediaDevices === undefined) {
      throw new Error(NO_ACCESS);
    }
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: 'user' };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      const name = error instanceof Error ? error.name : '';
      throw new Error(TROUBLES.get(name) ?? `The camera can’t be used: ${error}`);
    }
    for (const track of this.stream.getTracks()) {
      track.addEventListener('ended', () => this.close('The camera was disconnected.'));
    }
    this.video.srcObject = this.stream;
    try {
      await this.video.play();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Begin to look at frame after frame, until the camera goes off. */
  begin() {
    this.turn += 1;
    this.work = this.run(this.turn);
  }

  /**
   * Stop looking, but leave the camera on.
   *
   * @returns {Promise<boolean>} whether it was looking
   */
  async halt() {
    this.turn += 1;
    await this.work;
    return this.isOn;
  }

  /** @param {number} turn ends when another one begins */
  async run(turn) {
    try {
      await this.client.forget();
      this.answeredS = [];
      const begunS = performance.now() / 1000;
      let takenS = -1;
      for (let number = 0; this.turn === turn; number += 1) {
        await this.nextFrame(turn, takenS);
        takenS = this.video.currentTime;
        if (this.turn !== turn) {
          return;
        }
        const timeS = performance.now() / 1000 - begunS;
        const frame = await createImageBitmap(this.video);
        const options = { ...this.options(), crops: false, smooth_s: SMOOTH_S };
        const answer = await this.client.frame(frame, number, timeS, options);
        if (this.turn === turn) {
          this.answeredS.push(performance.now() / 1000);
          this.seen(answer);
        }
      }
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Wait until the camera has another picture, or is no longer wanted; in the background that is when the page is seen.
   *
   * WebKitGTK never calls `requestVideoFrameCallback` for a camera.
   *
   * @param {number} turn
   * @param {number} takenS the time of the last picture in the video
   * @returns {Promise<void>}
   */
  nextFrame(turn, takenS) {
    return new Promise((resolve) => {
      const look = () => {
        if (this.turn !== turn || this.video.currentTime !== takenS) {
          resolve();
        } else {
          requestAnimationFrame(look);
        }
      };
      requestAnimationFrame(look);
    });
  }

  /** @param {string | null} [trouble] why, if nobody wanted it */
  close(trouble = null) {
    if (this.isOn) {
      this.turn += 1;
      this.stopped(trouble); // the last frame can still be drawn
      this.release();
    }
  }

  /** Let go of the camera. */
  release() {
    for (const track of this.stream?.getTracks() ?? []) {
      track.stop();
    }
    this.stream = null;
    this.video.srcObject = null;
  }

  /** @returns {number} frames a second, lately; 0 before the second one */
  rate() {
    this.answeredS = this.answeredS.slice(-RATE_FRAMES);
    const passedS = this.answeredS[this.answeredS.length - 1] - this.answeredS[0];
    return passedS > 0 ? (this.answeredS.length - 1) / passedS : 0;
  }
}
