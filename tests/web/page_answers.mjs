/** Answers questions to the page's modules, read from stdin as JSON, for tests that compare with Python. */

import { coloursOf, inkOn } from '../../src/mien/web/page/colours.mjs';
import { overlaid } from '../../src/mien/web/page/heat.mjs';
import { csvText, floatText, jsonText } from '../../src/mien/web/page/record_files.mjs';
import { Timeline } from '../../src/mien/web/page/timeline.mjs';

const answer = {
  csv: ({ records, head }) => csvText(records, head.classes),
  json: ({ records, head }) => jsonText(records, head),
  floats: ({ values }) => values.map(floatText),
  colours: ({ names }) => [...coloursOf(names).entries()],
  ink: ({ colours }) => colours.map(inkOn),
  overlay: ({ pixels }) => pixels.map(([grey, heat]) => overlaid(grey, heat)),
  timeline: ({ classes, frames }) => {
    const timeline = new Timeline(classes);
    for (const [timeS, faces] of frames) {
      timeline.add(timeS, faces);
    }
    return { binS: timeline.binS, bins: timeline.bins(), means: timeline.means() };
  },
};

let text = '';
for await (const part of process.stdin) {
  text += part;
}
const question = JSON.parse(text);
process.stdout.write(JSON.stringify(answer[question.kind](question)));
