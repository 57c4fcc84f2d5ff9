// A part of the film at full resolution. The server has it drawn from the film's own pixels, with the window.

const SETTLE_MS = 150; // a film that is being moved asks when it rests
const AGAIN_MS = 3000;
const MOST_PIXELS = 1 << 22; // of a tile, as the server has it
const EDGE = 0.15; // of what is in sight, on each side

export class Tile {
  // `changed()` is called when there is something new to draw or to say; `edge` is fetched beyond what is in sight.
  constructor({ tile, columns, rows }, changed, edge = EDGE) {
    this.edge = edge;
    [this.address, this.columns, this.rows, this.changed] = [tile, Number(columns), Number(rows), changed];
    this.state = "idle"; // then: waiting, shown; or failed, with the reason
  }

  // Ask for a part, in the film's pixels, with level, width and inversion.
  want({ left, top, right, bottom }, view) {
    const [across, down] = [(right - left) * this.edge, (bottom - top) * this.edge];
    const asked = this.cut(left, top, right, bottom);
    if (!asked || asked.columns * asked.rows > MOST_PIXELS) return this.rest();
    if (this.shows(view) && covers(this.part, asked)) {
      this.rest();
      this.state = "shown";
      return;
    }
    const wide = this.cut(left - across, top - down, right + across, bottom + down);
    const next = { ...(wide.columns * wide.rows > MOST_PIXELS ? asked : wide), ...view };
    if (this.reason === "gone" || this.asked === String(new URLSearchParams(next))) return;
    this.asked = String(new URLSearchParams(next));
    this.fetch(next, SETTLE_MS);
  }

  // Nothing is asked for any more; what was fetched stays for the same window.
  rest() {
    clearTimeout(this.timer);
    this.controller?.abort();
    [this.asked, this.state] = [null, this.reason === "gone" ? "failed" : "idle"];
  }

  shows({ level, width, inverted }) {
    const { part } = this;
    return Boolean(part) && part.level === level && part.width === width && part.inverted === inverted;
  }

  // Draw the part where the whole film has its place; `sharp` when a pixel of the film is one of the screen.
  draw(pen, { left, top, width, height }, sharp = false) {
    const { part } = this;
    const scale = window.devicePixelRatio || 1;
    let [x, y] = [left + (part.left / this.columns) * width, top + (part.top / this.rows) * height];
    let size = [(part.columns / this.columns) * width, (part.rows / this.rows) * height];
    if (sharp) {
      [x, y] = [Math.round(x * scale) / scale, Math.round(y * scale) / scale];
      size = [part.columns / scale, part.rows / scale];
    }
    pen.imageSmoothingEnabled = !sharp;
    pen.drawImage(part.picture, x, y, ...size);
    pen.imageSmoothingEnabled = true;
  }

  cut(left, top, right, bottom) {
    const [x, y] = [Math.max(Math.floor(left), 0), Math.max(Math.floor(top), 0)];
    const columns = Math.min(Math.ceil(right), this.columns) - x;
    const rows = Math.min(Math.ceil(bottom), this.rows) - y;
    return columns > 0 && rows > 0 ? { left: x, top: y, columns, rows } : null;
  }

  fetch(part, pause) {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.state = "waiting";
    this.timer = setTimeout(async () => {
      const { signal } = (this.controller = new AbortController());
      try {
        const answer = await fetch(`${this.address}?${new URLSearchParams(part)}`, { signal });
        if (answer.status === 401) return location.reload();
        if (answer.ok) {
          const picture = await createImageBitmap(await answer.blob());
          if (signal.aborted) return;
          this.part = { ...part, picture };
          [this.state, this.reason] = ["shown", null];
        } else this.fail(part, answer.status);
      } catch {
        if (signal.aborted) return;
        this.fail(part, 503);
      }
      this.changed();
    }, pause);
  }

  fail(part, status) {
    this.state = "failed";
    this.reason = status === 503 ? "away" : status === 410 || status === 404 ? "gone" : "undecodable";
    if (status === 503) this.timer = setTimeout(() => this.fetch(part, 0), AGAIN_MS);
  }
}

function covers(part, asked) {
  return part.left <= asked.left && part.top <= asked.top &&
    part.left + part.columns >= asked.left + asked.columns && part.top + part.rows >= asked.top + asked.rows;
}
