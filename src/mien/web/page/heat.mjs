/** Faces as the network sees them, bare and under a map of evidence, as `mien.runtime.annotate.overlay` draws them. */

import { contextOf } from './elements.mjs';

const SIZE = 48;

/** The map's colours by strength: violet, red, yellow, dark to bright for colour-blind eyes too. */
const HEAT = [
  [90, 0, 110],
  [220, 50, 30],
  [255, 225, 70],
];

/** How much of the face the strongest evidence hides. */
const MAX_COVER = 0.65;

/**
 * Draw a face.
 *
 * @param {HTMLCanvasElement} canvas gets 48×48 pixels
 * @param {Uint8Array} image grey, (48, 48)
 * @param {Uint8Array | null} map (48, 48), 0 is none; null draws the bare face
 */
export function drawFace(canvas, image, map) {
  canvas.width = SIZE;
  canvas.height = SIZE;
  const pixels = new ImageData(SIZE, SIZE);
  for (let at = 0; at < SIZE * SIZE; at += 1) {
    pixels.data.set([...overlaid(image[at], map === null ? 0 : map[at]), 255], 4 * at);
  }
  contextOf(canvas).putImageData(pixels, 0, 0);
}

/**
 * Lay evidence in colour over a grey pixel.
 *
 * @param {number} grey 0 to 255
 * @param {number} heat 0 to 255
 * @returns {number[]} red, green, blue
 */
export function overlaid(grey, heat) {
  const place = heat <= 128 ? heat / 128 : 1 + (heat - 128) / 127;
  const below = Math.min(Math.floor(place), HEAT.length - 2);
  const cover = (MAX_COVER * heat) / 255;
  return HEAT[below].map((low, channel) => {
    const colour = low + (place - below) * (HEAT[below + 1][channel] - low);
    return Math.round(grey * (1 - cover) + colour * cover);
  });
}
