/**
 * The options: those of `mien predict`, and how the camera is shown.
 *
 * @typedef {import('./client.mjs').Options} Options
 */

import { byId } from './elements.mjs';

/** A number is taken when nobody has typed for so long, in milliseconds. */
const PAUSE_MS = 500;

export class OptionsForm {
  /**
   * @param {() => void} changed hears that other faces are wanted
   * @param {(isMirrored: boolean) => void} mirrored
   */
  constructor(changed, mirrored) {
    this.largest = byId('largest', HTMLInputElement);
    this.crops = byId('crops', HTMLInputElement);
    this.confidence = byId('min-confidence', HTMLInputElement);
    this.px = byId('min-px', HTMLInputElement);
    this.mirror = byId('mirror', HTMLInputElement);
    this.changed = changed;
    this.before = JSON.stringify(this.read());
    let timer = 0;
    for (const input of [this.largest, this.crops, this.confidence, this.px]) {
      input.addEventListener('input', () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.take(), input.type === 'checkbox' ? 0 : PAUSE_MS);
      });
    }
    this.mirror.addEventListener('input', () => mirrored(this.mirror.checked));
    this.toggle();
  }

  /** The button that shows and hides the options. */
  toggle() {
    const button = byId('options-button', HTMLButtonElement);
    const panel = byId('options', HTMLElement);
    button.addEventListener('click', () => {
      panel.hidden = !panel.hidden;
      button.setAttribute('aria-expanded', String(!panel.hidden));
    });
  }

  take() {
    const now = JSON.stringify(this.read());
    if (now !== this.before) {
      this.before = now;
      this.changed();
    }
  }

  /** @returns {Options} */
  read() {
    return {
      align: true,
      crops: this.crops.checked,
      min_confidence: within(this.confidence, 1),
      min_px: within(this.px, 100_000),
      largest: this.largest.checked,
    };
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {number} most
 * @returns {number} 0 where nothing, or no number, was typed
 */
function within(input, most) {
  const value = Number.isNaN(input.valueAsNumber) ? 0 : input.valueAsNumber;
  return Math.min(Math.max(value, 0), most);
}
