// A lens: the film's own pixels about the pointer, one on each of the screen; two to one where the film shows so already.

import { Tile } from "./tile.js";

const ABOVE_FINGER = 30;
const AROUND = 0.75; // of the lens, fetched on each side of it, for the pointer's next moves

export class Lens {
  constructor(dataset, changed) {
    this.tile = dataset.tile ? new Tile(dataset, changed, AROUND) : null;
    this.isHeld = false;
  }

  // Draw it about a point of the stage. `picture` is the fitted one, whose place on the stage is `place`.
  draw(pen, { picture, place, view, at: [x, y], isTouch, radius }) {
    const { tile } = this;
    const scale = window.devicePixelRatio || 1;
    const whole = tile.columns / scale; // the film's width at one to one
    const factor = whole > place.width * 1.05 ? whole / place.width : (2 * whole) / place.width;
    const isSharp = factor * place.width === whole;
    const middle = [x, isTouch ? Math.max(y - radius - ABOVE_FINGER, radius) : y];
    const [width, height] = [place.width * factor, place.height * factor];
    const big = {
      left: middle[0] - (x - place.left) * factor, top: middle[1] - (y - place.top) * factor, width, height,
    };
    const [across, down] = [tile.columns / width, tile.rows / height];
    const [column, row] = [(x - place.left) * factor * across, (y - place.top) * factor * down];
    tile.want({
      left: column - radius * across, top: row - radius * down,
      right: column + radius * across, bottom: row + radius * down,
    }, view);
    pen.save();
    pen.beginPath();
    pen.arc(...middle, radius, 0, 2 * Math.PI);
    pen.clip();
    pen.fillStyle = "#000";
    pen.fillRect(middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius);
    pen.drawImage(picture, big.left, big.top, width, height);
    if (tile.shows(view)) tile.draw(pen, big, isSharp);
    pen.restore();
    pen.beginPath();
    pen.arc(...middle, radius, 0, 2 * Math.PI);
    [pen.strokeStyle, pen.lineWidth] = ["#ffd84d", 2];
    pen.stroke();
    return isSharp ? "1:1" : "2:1";
  }

  rest() {
    this.tile?.rest();
  }
}
