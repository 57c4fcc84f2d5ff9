// A ruler on the film, in millimetres of the plane that the film's header names (PS3.3 10.7.1.1).

import { say } from "./words.js";

const PLANES = {
  patient: "mm",
  detector: say("mm at the detector"), // the patient's own lengths are smaller
  unknown: say("mm (plane not stated)"),
};
const LEAST = 2; // pixels of the film: less is a click

export class Ruler {
  constructor({ rowMm, columnMm, plane }) {
    [this.rowMm, this.columnMm, this.unit] = [Number(rowMm), Number(columnMm), PLANES[plane]];
    this.isKnown = Boolean(rowMm && columnMm);
    this.ends = null; // [x, y] each, in the film's pixels
    this.held = null; // the end that keys move, 0 or 1; none where a pointer drew
  }

  begin(at) {
    [this.ends, this.held] = [[at, at], null];
  }

  // For keys: lay the ruler down, move the end that they hold, or take the other one.
  lay(ends) {
    [this.ends, this.held] = [ends, 1];
  }

  step(dx, dy, columns, rows) {
    this.held ??= 1;
    const [x, y] = this.ends[this.held];
    this.ends[this.held] = [Math.min(Math.max(x + dx, 0), columns), Math.min(Math.max(y + dy, 0), rows)];
  }

  swap() {
    this.held = this.held === 1 ? 0 : 1;
  }

  move(at) {
    if (this.ends) this.ends[1] = at;
  }

  end() {
    if (this.ends && Math.hypot(...this.difference) < LEAST) this.clear();
  }

  clear() {
    this.ends = null;
  }

  get difference() {
    const [[x, y], [toX, toY]] = this.ends;
    return [toX - x, toY - y];
  }

  get text() {
    if (!this.ends) return "";
    const [dx, dy] = this.difference;
    return `${Math.hypot(dx * this.columnMm, dy * this.rowMm).toFixed(1)} ${this.unit}`;
  }

  // Draw it; `place(x, y)` is where a pixel of the film is on the stage, `width` that of the stage.
  draw(pen, place, width) {
    if (!this.ends) return;
    const [from, to] = this.ends.map((end) => place(...end));
    const length = Math.max(Math.hypot(to[0] - from[0], to[1] - from[1]), 1);
    const [nx, ny] = [(-(to[1] - from[1]) * 6) / length, ((to[0] - from[0]) * 6) / length];
    pen.lineCap = "round";
    for (const [style, thickness] of [["#000", 4], ["#ffd84d", 1.75]]) {
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(...to);
      for (const [x, y] of [from, to]) {
        pen.moveTo(x - nx, y - ny);
        pen.lineTo(x + nx, y + ny);
      }
      if (this.held !== null) {
        const [x, y] = [from, to][this.held];
        pen.moveTo(x + 9, y);
        pen.arc(x, y, 9, 0, 2 * Math.PI);
      }
      [pen.strokeStyle, pen.lineWidth] = [style, thickness];
      pen.stroke();
    }
    pen.font = "600 13px system-ui, sans-serif";
    const room = pen.measureText(this.text).width + 12;
    // To the right of the line, or above it where that is off the stage, or below.
    const right = Math.max(from[0], to[0]) + 10;
    const [top, bottom] = [Math.min(from[1], to[1]) - 24, Math.max(from[1], to[1]) + 24];
    const isBeside = right + room + 4 <= width;
    const x = Math.max(Math.min(right, width - room - 4), 4);
    const y = isBeside ? (from[1] + to[1]) / 2 : top > 40 ? top : bottom;
    pen.fillStyle = "rgb(0 0 0 / .72)";
    pen.fillRect(x, y - 11, room, 22);
    pen.fillStyle = "#ffe68a";
    pen.textBaseline = "middle";
    pen.fillText(this.text, x + 6, y);
  }
}
