/**
 * Where things lie on the stage: the picture, and the captions of the boxes.
 *
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rectangle in pixels
 * @typedef {{width: number, height: number}} Size
 */

/** Of a picture that is longer than this, the stage scrolls, so that its faces can be seen. */
const LONG = 2.4;

/** The shorter side that a long picture is shown with at least, in pixels. */
const LEAST_SHOWN = 200;

/** Small pictures are enlarged to this at most, in pixels. */
const ENLARGED = 384;

/**
 * Return how large a picture is shown.
 *
 * @param {Size} picture
 * @param {Size} room
 * @returns {Size} larger than the room only where the picture is long
 */
export function shownSize(picture, room) {
  const longer = Math.max(picture.width, picture.height);
  const shorter = Math.min(picture.width, picture.height);
  let scale = Math.min(room.width / picture.width, room.height / picture.height, Math.max(1, ENLARGED / longer));
  if (longer > LONG * shorter) {
    scale = Math.max(scale, Math.min(LEAST_SHOWN / shorter, 1));
  }
  return { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
}

/**
 * Choose a place for each box's caption: inside the picture, and off the others where there is room.
 *
 * @param {Rectangle[]} boxes
 * @param {Size[]} captions one for each box
 * @param {Size} picture
 * @returns {Rectangle[]}
 */
export function captionPlaces(boxes, captions, picture) {
  /** @type {Rectangle[]} */
  const taken = [];
  for (const [k, box] of boxes.entries()) {
    const others = boxes.filter((_, other) => other !== k);
    let best = null;
    for (const place of places(box, captions[k], picture)) {
      // Covering another caption is worse than covering another face; of equal places the first is taken.
      const cost = [shared(place, taken), shared(place, others)];
      if (best === null || cost[0] < best.cost[0] || (cost[0] === best.cost[0] && cost[1] < best.cost[1])) {
        best = { place, cost };
      }
    }
    if (best !== null) {
      taken.push(best.place);
    }
  }
  return taken;
}

/**
 * Whether captions cover each other or other faces.
 *
 * @param {Rectangle[]} captions one for each box
 * @param {Rectangle[]} boxes
 * @returns {boolean}
 */
export function isCrowded(captions, boxes) {
  return captions.some((caption, k) => {
    const others = [...captions, ...boxes].filter((_, at) => at !== k && at !== captions.length + k);
    return shared(caption, others) > 0;
  });
}

/**
 * List where a caption may lie, the best first: above its box, below, inside.
 *
 * @param {Rectangle} box
 * @param {Size} caption
 * @param {Size} picture
 * @returns {Rectangle[]}
 */
function places(box, caption, picture) {
  const outside = [box.top - caption.height, box.bottom];
  const rows = outside.filter((y) => y >= 0 && y <= picture.height - caption.height);
  rows.push(box.top, box.bottom - caption.height);
  const found = [];
  for (const row of rows) {
    for (const column of [box.left, box.right - caption.width]) {
      const top = Math.min(Math.max(row, 0), Math.max(picture.height - caption.height, 0));
      const left = Math.min(Math.max(column, 0), Math.max(picture.width - caption.width, 0));
      found.push({ left, top, right: left + caption.width, bottom: top + caption.height });
    }
  }
  return found;
}

/**
 * @param {Rectangle} one
 * @param {Rectangle[]} others
 * @returns {number} how many pixels it shares with them
 */
function shared(one, others) {
  let pixels = 0;
  for (const other of others) {
    const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    pixels += Math.max(0, width) * Math.max(0, height);
  }
  return pixels;
}
