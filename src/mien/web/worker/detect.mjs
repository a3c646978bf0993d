/**
 * Finding upright faces in a picture: YuNet (Wu, Peng, Yu 2023, https://doi.org/10.1007/s11633-023-1423-y).
 *
 * @typedef {import('./geometry.mjs').Box} Box
 * @typedef {import('./geometry.mjs').Point} Point
 * @typedef {import('./raster.mjs').Raster} Raster
 * @typedef {import('./session.mjs').Ort} Ort
 * @typedef {import('./session.mjs').Session} Session
 * @typedef {import('./session.mjs').Tensor} Tensor
 *
 * @typedef {object} Detection a face that was found
 * @property {Box} box in pixels; it may reach over the picture's border
 * @property {number} probability the detector's confidence, 0 to 1; not calibrated
 * @property {Point[]} landmarks right eye, left eye, nose, right and left mouth corner, in pixels; right and left are
 *   the person's own
 * @property {number} rotated by how many degrees the picture was turned counter-clockwise before the face was found: 0,
 *   90, 180 or 270; box and landmarks are those of the picture as it is
 *
 * @typedef {object} Detector whatever finds faces
 * @property {(picture: Raster) => Promise<Detection[]>} detect find the faces of an RGB picture, the most confident first
 */

import { nms } from './geometry.mjs';
import { clamp, roundHalfEven } from './numbers.mjs';
import { resize } from './resize.mjs';
import { openGraph } from './session.mjs';

/** The longer side of what YuNet gets of a large picture: the size for which it was published. */
const INPUT_PX = 640;

/** YuNet takes any multiple of its largest stride as height and width. */
const MULTIPLE_PX = 32;

/** A picture whose longer side is shorter is enlarged to this. */
export const SMALL_PX = 256;

/** A picture that has to shrink more than this often is first reduced by whole pixels to this many times its new size. */
const REDUCING_GAP = 2;

/** Less confident detections are dropped. */
const MIN_PROBABILITY = 0.6;

/** Of two boxes with a larger intersection over union the less probable one is dropped. */
const MAX_OVERLAP = 0.3;

const STRIDES = [8, 16, 32];
const LANDMARKS = 5;

/**
 * The detector that ships with mien.
 *
 * The picture is scaled so that its longer side has 256 to 640 pixels, and padded with black at the right and the bottom
 * to multiples of 32.  If nothing is found, it is searched once more at 256, for a face that fills it.
 *
 * @implements {Detector}
 */
export class YuNet {
  /**
   * @param {Ort} ort
   * @param {Session} session of YuNet's graph
   */
  constructor(ort, session) {
    this.ort = ort;
    this.session = session;
  }

  /**
   * @param {Ort} ort prepared
   * @param {ArrayBuffer} graph the content of `yunet_free_size.onnx`
   * @returns {Promise<YuNet>}
   */
  static async open(ort, graph) {
    return new YuNet(ort, await openGraph(ort, graph));
  }

  /**
   * Find the upright faces of an RGB picture, the most confident first.
   *
   * @param {Raster} picture
   * @returns {Promise<Detection[]>}
   */
  async detect(picture) {
    const longerPx = clamp(Math.max(picture.width, picture.height), SMALL_PX, INPUT_PX);
    const found = await this.search(picture, longerPx);
    if (found.length > 0 || longerPx === SMALL_PX) {
      return found;
    }
    return this.search(picture, SMALL_PX);
  }

  /**
   * @param {Raster} picture
   * @param {number} longerPx to how many pixels its longer side is scaled
   * @returns {Promise<Detection[]>}
   */
  async search(picture, longerPx) {
    const canvas = letterbox(picture, longerPx);
    const input = new this.ort.Tensor('float32', canvas.levels, [1, 3, canvas.height, canvas.width]);
    const outputs = await this.session.run({ input });
    const found = [];
    for (const detection of nms(decodeYunet(outputs, canvas.width), MAX_OVERLAP)) {
      found.push(inPicture(detection, canvas.scaleX, canvas.scaleY));
    }
    return found;
  }
}

/**
 * Make YuNet's input of an RGB picture, scaled so that its longer side has so many pixels.
 *
 * @param {Raster} picture
 * @param {number} longerPx
 * @returns {{levels: Float32Array, width: number, height: number, scaleX: number, scaleY: number}} levels 0 to 255,
 *   (3, height, width), blue first; width and height multiples of 32; the scales: canvas / picture
 */
function letterbox(picture, longerPx) {
  const longer = Math.max(picture.width, picture.height);
  const usedWidth = Math.max(1, roundHalfEven((picture.width * longerPx) / longer));
  const usedHeight = Math.max(1, roundHalfEven((picture.height * longerPx) / longer));
  let scaled = picture;
  if (longer !== longerPx) {
    scaled = resize(picture, usedWidth, usedHeight, 'bilinear', REDUCING_GAP);
  }
  const width = Math.ceil(usedWidth / MULTIPLE_PX) * MULTIPLE_PX;
  const height = Math.ceil(usedHeight / MULTIPLE_PX) * MULTIPLE_PX;
  const area = width * height;
  const levels = new Float32Array(3 * area);
  let source = 0;
  for (let y = 0; y < usedHeight; y += 1) {
    for (let x = 0; x < usedWidth; x += 1) {
      const target = y * width + x;
      levels[target] = scaled.levels[source + 2];
      levels[area + target] = scaled.levels[source + 1];
      levels[2 * area + target] = scaled.levels[source];
      source += 3;
    }
  }
  return { levels, width, height, scaleX: usedWidth / picture.width, scaleY: usedHeight / picture.height };
}

/**
 * Turn YuNet's raw outputs into candidates, in canvas pixels.
 *
 * Each cell of a grid of one stride has a class score and an objectness (the probability is the square root of their
 * product), the box's centre relative to the cell and the logarithms of its size, both in strides, and the landmarks
 * relative to the cell.
 *
 * @param {Record<string, Tensor>} outputs `cls_*` and `obj_*` (1, cells, 1), `bbox_*` (1, cells, 4), `kps_*`
 *   (1, cells, 10) of each stride
 * @param {number} width the canvas's, in pixels
 * @returns {Detection[]}
 */
function decodeYunet(outputs, width) {
  const found = [];
  for (const stride of STRIDES) {
    const scores = outputs[`cls_${stride}`].data;
    const objects = outputs[`obj_${stride}`].data;
    const boxes = outputs[`bbox_${stride}`].data;
    const points = outputs[`kps_${stride}`].data;
    const cellsInRow = width / stride;
    for (let cell = 0; cell < scores.length; cell += 1) {
      const product = Math.fround(clamp(scores[cell], 0, 1) * clamp(objects[cell], 0, 1));
      const probability = Math.sqrt(product);
      if (probability < MIN_PROBABILITY) {
        continue;
      }
      const column = cell % cellsInRow;
      const row = Math.trunc(cell / cellsInRow);
      const boxWidth = Math.exp(boxes[4 * cell + 2]) * stride;
      const boxHeight = Math.exp(boxes[4 * cell + 3]) * stride;
      const x = (boxes[4 * cell] + column) * stride - boxWidth / 2;
      const y = (boxes[4 * cell + 1] + row) * stride - boxHeight / 2;
      const landmarks = [];
      for (let k = 0; k < LANDMARKS; k += 1) {
        const at = 2 * (LANDMARKS * cell + k);
        landmarks.push({ x: (points[at] + column) * stride, y: (points[at + 1] + row) * stride });
      }
      found.push({ box: { x, y, width: boxWidth, height: boxHeight }, probability, landmarks, rotated: 0 });
    }
  }
  return found;
}

/**
 * Turn a detection in canvas pixels into one in the picture's.
 *
 * @param {Detection} detection
 * @param {number} scaleX canvas / picture
 * @param {number} scaleY
 * @returns {Detection}
 */
function inPicture(detection, scaleX, scaleY) {
  const { x, y, width, height } = detection.box;
  const box = { x: x / scaleX, y: y / scaleY, width: width / scaleX, height: height / scaleY };
  const landmarks = [];
  for (const point of detection.landmarks) {
    landmarks.push({ x: point.x / scaleX, y: point.y / scaleY });
  }
  return { ...detection, box, landmarks };
}
