/** What a screen reader says: results as they come, but not more than one can hear. */

import { setText } from './elements.mjs';

/** A camera's expression is said when it has lasted so long, and so long after the last word at the earliest. */
const STEADY_S = 1;
const PAUSE_S = 4;

/** Progress through many pictures is said so often at most. */
const PROGRESS_S = 8;

export class Speaker {
  /** @param {HTMLElement} element a live region */
  constructor(element) {
    this.element = element;
    this.said = '';
    this.saidS = -Infinity;
    this.next = '';
    this.nextS = 0;
  }

  /**
   * Say a sentence now.
   *
   * @param {string} sentence
   * @param {number} [nowS]
   */
  say(sentence, nowS = performance.now() / 1000) {
    this.said = sentence;
    this.saidS = nowS;
    setText(this.element, sentence);
  }

  /**
   * Say how far a long task is, now and then.
   *
   * @param {string} sentence
   * @param {number} [nowS]
   */
  progress(sentence, nowS = performance.now() / 1000) {
    if (nowS - this.saidS >= PROGRESS_S) {
      this.say(sentence, nowS);
    }
  }

  /**
   * Say what a camera shows once it has lasted.
   *
   * @param {string} sentence without numbers that change from frame to frame
   * @param {number} [nowS]
   */
  follow(sentence, nowS = performance.now() / 1000) {
    if (sentence !== this.next) {
      this.next = sentence;
      this.nextS = nowS;
    }
    const hasLasted = nowS - this.nextS >= STEADY_S && nowS - this.saidS >= PAUSE_S;
    if (hasLasted && sentence !== this.said) {
      this.say(sentence, nowS);
    }
  }
}
