/**
 * All records as a table, and as files.
 *
 * @typedef {import('./client.mjs').FaceRecord} FaceRecord
 * @typedef {import('./colours.mjs').Colour} Colour
 * @typedef {import('./record_files.mjs').Head} Head
 */

import { cssColour } from './colours.mjs';
import { byId, make, setText } from './elements.mjs';
import { csvText, jsonText } from './record_files.mjs';
import { cellNotes, probabilityText } from './words.mjs';

/** So many records are shown, lest the page become slow; the files have all. */
const MOST_ROWS = 500;
const MOST_LIVE_ROWS = 30;

export class RecordTable {
  constructor() {
    this.section = byId('records', HTMLElement);
    this.body = byId('rows', HTMLElement);
    this.note = byId('rows-note', HTMLElement);
    /** @type {FaceRecord[]} */
    this.records = [];
    /** @type {Head | null} */
    this.head = null;
    /** @type {Map<string, Colour>} */
    this.colours = new Map();
    byId('csv', HTMLButtonElement).addEventListener('click', () => this.saveCsv());
    byId('json', HTMLButtonElement).addEventListener('click', () => this.saveJson());
  }

  /**
   * Begin anew for a network: records of another one have other classes.
   *
   * @param {Head} head
   * @param {Map<string, Colour>} colours
   */
  use(head, colours) {
    this.head = head;
    this.colours = colours;
    this.show([], '', false);
  }

  /**
   * Show records.
   *
   * @param {FaceRecord[]} records
   * @param {string} summary
   * @param {boolean} isLive whether they are a camera's, whose newest come first
   */
  show(records, summary, isLive) {
    this.records = records;
    this.section.hidden = records.length === 0;
    this.section.classList.toggle('live', isLive);
    const shown = isLive ? records.slice(-MOST_LIVE_ROWS).reverse() : records.slice(0, MOST_ROWS);
    let note = summary;
    if (shown.length < records.length) {
      const which = isLive ? 'newest' : 'first';
      const all = records.length.toLocaleString('en-US');
      note += `. The table shows the ${which} ${shown.length}; the files have all ${all}`;
    }
    setText(this.note, `${note}.`);
    this.body.replaceChildren(...shown.map((record) => this.row(record)));
  }

  /** @param {FaceRecord} record */
  row(record) {
    const row = make('tr');
    const place = record.time_s === null ? record.source : `${record.time_s.toFixed(2)} s`;
    const source = make('th', 'source', place);
    source.scope = 'row';
    const label = make('td', 'label');
    if (record.label !== null) {
      const dot = make('i', 'dot');
      dot.style.background = cssColour(this.colours.get(record.label) ?? [204, 204, 204]);
      label.append(dot, record.label);
    }
    const p = record.probability === null ? '' : probabilityText(record.probability);
    const box = record.box === null ? '' : record.box.map((side) => side.toFixed(0)).join(' ');
    const cells = [source, make('td', 'n', record.face ?? ''), label, make('td', 'n', p), make('td', 'n', box)];
    row.append(...cells, make('td', 'remarks', cellNotes(record)));
    return row;
  }

  saveCsv() {
    if (this.head !== null) {
      save('faces.csv', 'text/csv', csvText(this.records, this.head.classes));
    }
  }

  saveJson() {
    if (this.head !== null) {
      save('faces.json', 'application/json', jsonText(this.records, this.head));
    }
  }
}

/**
 * Give a file to the browser's downloads.
 *
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = make('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may still be reading
}
