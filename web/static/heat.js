// The heat map as a picture, the outlines of the reports, and the legend of both.

import { say } from "./words.js";

const RAMP = [ // from cool to hot, as colours that also differ in brightness
  [0.0, 59, 15, 112],
  [0.45, 187, 55, 84],
  [0.75, 249, 142, 9],
  [1.0, 252, 255, 164],
];

// The map as a small picture: colour and opacity by heat. The browser interpolates its cells when it is enlarged.
export function paintHeat({ rows, columns, cells }) {
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [columns, rows];
  const image = new ImageData(columns, rows);
  for (const [at, cell] of cells.entries()) {
    const heat = cell / 255;
    image.data.set([...colour(heat), Math.round(255 * Math.min(1, heat * 1.3))], at * 4);
  }
  picture.getContext("2d").putImageData(image, 0, 0);
  return picture;
}

// The outlines are light with a dark rim, so that they are seen on any film and colour.
export function drawOutlines(pen, outlines, place) {
  for (const [style, width] of [["#000", 4], ["#fff", 1.75]]) {
    pen.beginPath();
    for (const outline of outlines) {
      for (const [at, [x, y]] of outline.entries()) pen[at ? "lineTo" : "moveTo"](...place(x, y));
      pen.closePath();
    }
    [pen.strokeStyle, pen.lineWidth, pen.lineJoin] = [style, width, "round"];
    pen.stroke();
  }
}

// The legend: the ramp from 0 to 100 %, and the heat at the outlines where there are any.
export function describeHeat({ outlines, cut_off }) {
  const write = (text) => Object.assign(document.createElement("span"), { textContent: text });
  const ramp = write("");
  const stops = RAMP.map(([at, ...parts]) => `rgb(${parts}) ${at * 100}%`);
  ramp.style.background = `linear-gradient(90deg, ${stops})`;
  const parts = [write(say("heat 0")), ramp, write("100 %")];
  return outlines.length ? [...parts, write(say("outline: {share} %", { share: Math.round(cut_off * 100) }))] : parts;
}

function colour(heat) {
  const above = Math.max(RAMP.findIndex(([at]) => at >= heat), 1);
  const [low, ...from] = RAMP[above - 1];
  const [high, ...to] = RAMP[above];
  const share = (heat - low) / (high - low);
  return from.map((value, at) => Math.round(value + (to[at] - value) * share));
}
