/**
 * Records as files: byte for byte what `mien predict -o faces.csv` and `--format json` write.
 *
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 *
 * @typedef {object} Head what a file says before its first record
 * @property {{name: string, version: string, sha256: string}} model
 * @property {string[]} classes
 * @property {string[]} warnings what the network was not made for
 */

export const SCHEMA_VERSION = 3;

const COLUMNS = [
  ...['schema_version', 'source', 'frame', 'time_s', 'face', 'box_x', 'box_y', 'box_width', 'box_height'],
  ...['label', 'probability', 'rotated', 'crop', 'quality', 'reason'],
];

/** What a spreadsheet takes for the beginning of a formula, and what it takes for a number. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Write records as CSV.
 *
 * @param {FaceRecord[]} records
 * @param {string[]} classes
 * @returns {string}
 */
export function csvText(records, classes) {
  const lines = [csvRow([...COLUMNS, ...classes.map((name) => `p_${name}`)].map(safeCell))];
  for (const record of records) {
    const box = record.box === null ? ['', '', '', ''] : boxNumbers(record.box, record.crop);
    const numbers = classes.map((name) => floatText(record.probabilities?.[name]));
    lines.push(
      csvRow([
        String(record.schema_version),
        safeCell(record.source),
        wholeText(record.frame),
        floatText(record.time_s),
        safeCell(record.face ?? ''),
        ...box,
        safeCell(record.label ?? ''),
        floatText(record.probability),
        wholeText(record.rotated),
        record.crop ?? '',
        record.quality.join(' '),
        safeCell(record.reason ?? ''),
        ...numbers,
      ]),
    );
  }
  return lines.join('');
}

/**
 * Write records as JSON.
 *
 * @param {FaceRecord[]} records
 * @param {Head} head
 * @returns {string}
 */
export function jsonText(records, { model, classes, warnings }) {
  const about = objectText([
    ['schema_version', String(SCHEMA_VERSION)],
    ['model', objectText(Object.entries(model).map(([key, value]) => [key, JSON.stringify(value)]))],
    ['classes', listText(classes.map((name) => JSON.stringify(name)))],
    ['warnings', listText(warnings.map((sentence) => JSON.stringify(sentence)))],
  ]);
  const faces = records.map((record) => recordText(record, classes)).join(',\n');
  return `${about.slice(0, -1)}, "faces": [\n${faces}\n]}\n`;
}

/**
 * Write a number as Python writes a `float`; nothing where there is none.
 *
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function floatText(value) {
  if (value === null || value === undefined) {
    return '';
  }
  // Both languages write the shortest digits that are this number, but not from the same sizes on with an exponent.
  const [digits, exponent] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const sign = power < 0 ? '-' : '+';
    return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  if (Object.is(value, -0)) {
    return '-0.0'; // a box a little beyond the picture's edge
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/**
 * @param {FaceRecord} record
 * @param {string[]} classes
 * @returns {string}
 */
function recordText(record, classes) {
  const { probabilities } = record;
  let p = 'null';
  if (probabilities !== null) {
    p = objectText(classes.map((name) => [name, floatText(probabilities[name])]));
  }
  return objectText([
    ['schema_version', String(record.schema_version)],
    ['source', JSON.stringify(record.source)],
    ['frame', wholeText(record.frame) || 'null'],
    ['time_s', floatText(record.time_s) || 'null'],
    ['face', JSON.stringify(record.face)],
    ['box', record.box === null ? 'null' : listText(boxNumbers(record.box, record.crop))],
    ['label', JSON.stringify(record.label)],
    ['probability', floatText(record.probability) || 'null'],
    ['probabilities', p],
    ['rotated', wholeText(record.rotated) || 'null'],
    ['crop', JSON.stringify(record.crop)],
    ['quality', listText(record.quality.map((word) => JSON.stringify(word)))],
    ['reason', JSON.stringify(record.reason)],
  ]);
}

/**
 * Write a box; where the whole picture is the face, its sides are whole numbers in Python.
 *
 * @param {number[]} box
 * @param {string | null} crop
 * @returns {string[]}
 */
function boxNumbers([x, y, width, height], crop) {
  const sides = crop === null ? [floatText(width), floatText(height)] : [wholeText(width), wholeText(height)];
  return [floatText(x), floatText(y), ...sides];
}

/**
 * @param {number | null} value
 * @returns {string}
 */
function wholeText(value) {
  return value === null ? '' : String(value);
}

/**
 * @param {[string, string][]} entries keys, and values as JSON
 * @returns {string}
 */
function objectText(entries) {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(', ')}}`;
}

/**
 * @param {string[]} values as JSON
 * @returns {string}
 */
function listText(values) {
  return `[${values.join(', ')}]`;
}

/**
 * Put an apostrophe before a text that a spreadsheet would take for a formula, and escape carriage returns.
 *
 * @param {string} text
 * @returns {string}
 */
function safeCell(text) {
  const isRisky = FORMULA.test(text) && !NUMBER.test(text);
  return (isRisky ? "'" : '') + text.replaceAll('\r', '\\r');
}

/**
 * @param {string[]} cells
 * @returns {string}
 */
function csvRow(cells) {
  const quoted = cells.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${quoted.join(',')}\n`;
}
