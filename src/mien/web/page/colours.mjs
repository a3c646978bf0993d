/**
 * The classes' colours, the same as in annotated pictures (`mien.runtime.annotate`).
 *
 * @typedef {readonly [number, number, number]} Colour red, green, blue, 0 to 255
 */

/**
 * Seven that colour-blind people tell apart (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/), and a light grey.
 *
 * @type {Map<string, Colour>}
 */
const COLOURS = new Map([
  ['anger', [213, 94, 0]],
  ['disgust', [0, 158, 115]],
  ['fear', [204, 121, 167]],
  ['happiness', [240, 228, 66]],
  ['sadness', [0, 114, 178]],
  ['surprise', [86, 180, 233]],
  ['neutral', [204, 204, 204]],
  ['contempt', [230, 159, 0]],
]);

/** What FER+ calls the classes of FER2013 that it names otherwise. */
const FERPLUS_NAMES = new Map([
  ['angry', 'anger'],
  ['happy', 'happiness'],
  ['sad', 'sadness'],
]);

/**
 * Give each class its colour: FER2013's and FER+'s always the same, others one that is free; the ninth shares one.
 *
 * @param {string[]} names
 * @returns {Map<string, Colour>}
 */
export function coloursOf(names) {
  /** @type {Map<string, Colour>} */
  const found = new Map();
  for (const name of names) {
    const colour = COLOURS.get(FERPLUS_NAMES.get(name) ?? name);
    if (colour !== undefined) {
      found.set(name, colour);
    }
  }
  const taken = new Set(found.values());
  const all = [...COLOURS.values()];
  const free = all.filter((colour) => !taken.has(colour));
  let shared = 0;
  for (const name of names) {
    if (!found.has(name)) {
      const next = free.shift();
      found.set(name, next ?? all[shared % all.length]);
      if (next === undefined) {
        shared += 1;
      }
    }
  }
  return found;
}

/**
 * Return the colour of text that stands out on a colour: a contrast of at least 4.5 (WCAG 2.2).
 *
 * @param {Colour} colour
 * @returns {string}
 */
export function inkOn(colour) {
  return luminance(colour) > 0.179 ? '#000' : '#fff'; // where both have the same contrast
}

/**
 * @param {Colour} colour
 * @returns {number} 0 to 1
 */
export function luminance(colour) {
  const [red, green, blue] = colour.map((level) => {
    const share = level / 255;
    return level <= 10 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * @param {Colour} colour
 * @returns {string} as CSS writes it
 */
export function cssColour([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}
