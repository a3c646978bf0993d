/**
 * The camera's expressions over time: one lane per class, in the classes' colours; blank where no face was found.
 *
 * @typedef {import('./colours.mjs').Colour} Colour
 * @typedef {import('./timeline.mjs').Timeline} Timeline
 */

import { cssColour } from './colours.mjs';
import { paperOf } from './elements.mjs';
import { ticks } from './timeline.mjs';
import { clock, percentage } from './words.mjs';

const LANE_PX = 30;
const AXIS_PX = 22;
const GAP_PX = 4;
const MOST_NAME_PX = 130;

/** The time axis has at least this length, in seconds. */
const LEAST_S = 20;

/**
 * Draw a timeline, as wide as the canvas is shown.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Timeline} timeline
 * @param {string[]} classes
 * @param {Map<string, Colour>} colours
 */
export function drawChart(canvas, timeline, classes, colours) {
  const style = getComputedStyle(canvas);
  const width = canvas.clientWidth;
  const height = classes.length * LANE_PX + AXIS_PX;
  canvas.style.height = `${height}px`;
  const paper = paperOf(canvas, width, height);
  paper.font = `12px ${style.fontFamily}`;
  paper.textBaseline = 'middle';
  const names = Math.max(...classes.map((name) => paper.measureText(name).width));
  const left = Math.min(Math.ceil(names), MOST_NAME_PX) + 12;
  const endS = Math.max(LEAST_S, timeline.lastS);
  const scale = (width - left - 1) / endS;
  const ink = style.color;
  const line = style.getPropertyValue('--line');
  const edge = style.getPropertyValue('--bar-edge');
  const bins = timeline.bins();
  for (const [k, name] of classes.entries()) {
    const bottom = (k + 1) * LANE_PX;
    paper.fillStyle = ink;
    paper.fillText(name, 0, bottom - LANE_PX / 2 + 1, left - 12);
    const colour = cssColour(colours.get(name) ?? [204, 204, 204]);
    drawLane(paper, bins, k, { left, bottom, scale, colour, edge });
    paper.fillStyle = line;
    paper.fillRect(left, bottom - 0.5, width - left, 1);
  }
  paper.fillStyle = ink;
  for (const at of ticks(endS, width < 480 ? 5 : 10)) {
    const x = left + at * scale;
    paper.fillRect(x, height - AXIS_PX, 1, 4);
    paper.textAlign = at === 0 ? 'left' : 'center';
    if (x < width - 16) {
      paper.fillText(clock(at), x, height - AXIS_PX / 2 + 3);
    }
  }
  paper.textAlign = 'left';
  canvas.setAttribute('aria-label', chartText(timeline, classes));
}

/**
 * Draw one class's probability over time.
 *
 * @param {CanvasRenderingContext2D} paper
 * @param {import('./timeline.mjs').Bin[]} bins
 * @param {number} k which class
 * @param {{left: number, bottom: number, scale: number, colour: string, edge: string}} how where time 0 and p = 0 lie,
 *   pixels a second, and the colours
 */
function drawLane(paper, bins, k, { left, bottom, scale, colour, edge }) {
  const area = new Path2D();
  const top = new Path2D();
  let isFound = false;
  for (const { startS, endS, means } of bins) {
    if (means === null) {
      isFound = false;
      continue;
    }
    const from = left + startS * scale;
    const to = Math.max(left + endS * scale, from + 0.5);
    const y = bottom - means[k] * (LANE_PX - GAP_PX);
    area.rect(from, y, to - from, bottom - y);
    if (isFound) {
      top.lineTo(from, y);
    } else {
      top.moveTo(from, y);
    }
    top.lineTo(to, y);
    isFound = true;
  }
  paper.fillStyle = colour;
  paper.fill(area);
  // Yellow and grey hardly stand out on white paper: their edge does.
  paper.strokeStyle = edge;
  paper.lineWidth = 0.75;
  paper.stroke(top);
}

/**
 * Say what the chart shows, for those who don't see it.
 *
 * @param {Timeline} timeline
 * @param {string[]} classes
 * @returns {string}
 */
function chartText(timeline, classes) {
  const means = timeline.means();
  if (means === null) {
    return `Expressions over ${clock(timeline.lastS)} minutes: no face was found.`;
  }
  const parts = classes.map((name, k) => `${name} ${percentage(means[k], 0)}`);
  return `Expressions over ${clock(timeline.lastS)} minutes, on average: ${parts.join(', ')}.`;
}
