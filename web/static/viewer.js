// The film on a canvas: window and level by a look-up table of 256 entries, zoom, pan, full resolution where the server has
// it; above it the heat map with the outlines of the reports, its legend, and the heat under the pointer.

import { takeFilm } from "./films_ahead.js";
import { describeHeat, drawOutlines, paintHeat } from "./heat.js";
import { Lens } from "./lens.js";
import { Ruler } from "./ruler.js";
import { Tile } from "./tile.js";
import { say } from "./words.js";

const IN_SIGHT = 0.25; // the share of the film, or of the stage, that a move leaves on the stage
const FULL = { level: 127.5, width: 255 };
const FROM_SHARE = 0.5; // screen pixels for each pixel of the film, from which the film's own pixels are fetched

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LAID = 60; // half the length, on the screen, of a ruler that a key lays down

const FITTED = say("Fitted picture: 8 bits, at most 1024 pixels.");
const STATES = {
  idle: `${FITTED} ${say("Zoom in for the film's own pixels.")}`,
  waiting: say("The film's own pixels are being fetched …"),
  shown: say("Full resolution: the film's own pixels."),
  gone: `${FITTED} ${say("No full resolution: the film's file has left the gateway's spool. The film itself is in the PACS.")}`,
  away: `${FITTED} ${say("No full resolution: the gateway does not answer. It is asked again.")}`,
  undecodable: `${FITTED} ${say("No full resolution: the gateway could not draw it.")}`,
};

const HEAT_STATES = {
  waiting: say("the heat map is being fetched"),
  away: say("no heat map: no answer. Switch it off and on to ask again"),
};

export class Viewer {
  constructor(section) {
    this.section = section;
    this.stage = section.querySelector(".stage");
    this.canvas = section.querySelector("canvas");
    this.readout = section.querySelector(".readout");
    this.legend = section.querySelector(".legend");
    this.tool = "window";
    this.heatOn = false;
    const { dataset } = section;
    this.tile = dataset.tile ? new Tile(dataset, () => this.draw()) : null;
    this.lens = new Lens(dataset, () => this.draw());
    this.ruler = new Ruler(dataset);
    this.opacity = 0.45;
    this.home();
    this.pointers = new Map();
    this.magnified = "";
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.stage);
    const look = ([entry]) => {
      this.inSight = entry.isIntersecting;
      this.draw();
    };
    new IntersectionObserver(look, { threshold: 0.5 }).observe(this.stage);
  }

  home() {
    Object.assign(this, FULL, { inverted: false, zoom: 1, x: 0, y: 0 });
  }

  // Show the film. `drawn(token)` is called once, when the film is on a screen that somebody can see.
  async load(drawn = () => {}) {
    const { film } = this.section.dataset;
    if (!film) return;
    const nothing = this.section.querySelector(".nothing");
    try {
      const { status, blob, token } = await takeFilm(film);
      if (status === 401) return location.reload();
      const picture = await createImageBitmap(blob);
      this.drawn = () => drawn(token);
      const source = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
      source.drawImage(picture, 0, 0);
      this.pixels = source.getImageData(0, 0, picture.width, picture.height);
      this.shown = document.createElement("canvas");
      [this.shown.width, this.shown.height] = [picture.width, picture.height];
    } catch {
      nothing.textContent = say("The film's picture cannot be shown. Load the page again.");
      return;
    }
    nothing.hidden = true;
    this.window();
    document.addEventListener("visibilitychange", () => this.draw());
    await this.loadHeat();
  }

  // Fetch the heat map, if there is one that has not come yet.
  async loadHeat() {
    const { heat } = this.section.dataset;
    if (!heat || !this.shown || this.heat || this.heatState === "waiting") return;
    this.heatState = "waiting";
    this.draw();
    try {
      const map = await (await fetch(heat)).json();
      this.legend.replaceChildren(...describeHeat(map));
      this.heat = { ...map, picture: paintHeat(map) };
    } catch {
      this.heatState = "away";
    }
    this.draw();
  }

  // Apply window, level and inversion to every pixel.
  window() {
    if (!this.pixels) return;
    const table = new Uint8ClampedArray(256);
    for (let value = 0; value < 256; value++) {
      const grey = ((value - this.level) / Math.max(this.width, 1) + 0.5) * 255;
      table[value] = this.inverted ? 255 - grey : grey;
    }
    const target = new ImageData(this.pixels.width, this.pixels.height);
    const [from, to] = [this.pixels.data, target.data];
    for (let at = 0; at < from.length; at += 4) {
      to[at] = to[at + 1] = to[at + 2] = table[from[at]];
      to[at + 3] = 255;
    }
    this.shown.getContext("2d").putImageData(target, 0, 0);
    this.draw();
  }

  // The place of the film on the canvas, in CSS pixels. A part of the film stays on the stage.
  place() {
    const { clientWidth, clientHeight } = this.stage;
    const fit = Math.min(clientWidth / this.shown.width, clientHeight / this.shown.height);
    const [width, height] = [this.shown.width * fit * this.zoom, this.shown.height * fit * this.zoom];
    this.x = keepInSight(this.x, width, clientWidth);
    this.y = keepInSight(this.y, height, clientHeight);
    return { left: (clientWidth - width) / 2 + this.x, top: (clientHeight - height) / 2 + this.y, width, height };
  }

  draw() {
    if (!this.shown || this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      const scale = window.devicePixelRatio || 1;
      const { clientWidth, clientHeight } = this.stage;
      [this.canvas.width, this.canvas.height] = [clientWidth * scale, clientHeight * scale];
      const pen = this.canvas.getContext("2d");
      pen.scale(scale, scale);
      pen.imageSmoothingQuality = "high";
      const { left, top, width, height } = this.place();
      pen.drawImage(this.shown, left, top, width, height);
      this.drawTile(pen, { left, top, width, height });
      if (this.heatOn && this.heat) {
        const { picture, margin, outlines } = this.heat;
        pen.globalAlpha = this.opacity;
        const inside = 1 - 2 * margin;
        pen.drawImage(picture, left + width * margin, top + height * margin, width * inside, height * inside);
        pen.globalAlpha = 1;
        drawOutlines(pen, outlines, (x, y) => [left + (width * x) / 1000, top + (height * y) / 1000]);
      }
      this.drawTools(pen, { left, top, width, height });
      this.tell();
      if (document.visibilityState === "visible" && this.inSight && this.canvas.width && this.canvas.height) {
        this.drawn?.();
        this.drawn = null;
      }
    });
  }

  // Pixels of the screen for each pixel of the film; null where the film's size is unknown.
  get share() {
    const columns = Number(this.section.dataset.columns);
    return columns ? (this.place().width * (window.devicePixelRatio || 1)) / columns : null;
  }

  get isOneToOne() {
    return Boolean(this.tile) && Math.abs(this.share - 1) < 0.002;
  }

  get view() {
    const { level, width, inverted } = this;
    return { level, width, inverted };
  }

  // Draw the film's own pixels over the fitted picture, where there are enough of the screen's to show them.
  drawTile(pen, place) {
    const { tile } = this;
    if (!tile) return;
    if (this.zoom === 1 || this.share < FROM_SHARE) return tile.rest();
    const { clientWidth, clientHeight } = this.stage;
    const [across, down] = [tile.columns / place.width, tile.rows / place.height];
    const [left, top] = [-place.left * across, -place.top * down];
    tile.want({ left, top, right: left + clientWidth * across, bottom: top + clientHeight * down }, this.view);
    if (tile.shows(this.view)) tile.draw(pen, place, this.isOneToOne);
  }

  // The ruler, and above all the lens.
  drawTools(pen, place) {
    const { columns, rows } = this.section.dataset;
    const { left, top, width, height } = place;
    this.ruler.draw(pen, (x, y) => [left + (x / columns) * width, top + (y / rows) * height], this.stage.clientWidth);
    const isOn = this.lens.tile && this.pointer && (this.lens.isHeld || this.tool === "lens" && this.pointers.size === 1);
    if (!isOn) {
      this.lens.rest();
      this.magnified = "";
      return;
    }
    const { shown: picture, view, pointer: at, isTouch } = this;
    const radius = Math.min(120, 0.3 * Math.min(this.stage.clientWidth, this.stage.clientHeight));
    const scale = this.lens.draw(pen, { picture, place, view, at, isTouch, radius });
    this.magnified = ` · ${say("lens {scale}", { scale })}`;
  }

  // A place of the stage in the film's pixels, within its edges.
  findPixel(x, y) {
    const { left, top, width, height } = this.place();
    const { columns, rows } = this.section.dataset;
    return [clamp((x - left) / width, 0, 1) * columns, clamp((y - top) / height, 0, 1) * rows];
  }

  hold(isHeld) {
    this.lens.isHeld = isHeld;
    this.draw();
  }

  // The line below the film: whose pixels are shown, and why not the film's own.
  tellPixels() {
    const line = this.section.querySelector(".small");
    const tile = this.magnified ? this.lens.tile : this.tile;
    if (line && tile) line.textContent = STATES[tile.state === "failed" ? tile.reason : tile.state];
  }

  // One pixel of the film on one of the screen, about the pointer; if it is so already, the whole film.
  toggleOneToOne() {
    if (!this.shown || !this.tile) return;
    if (this.isOneToOne) [this.zoom, this.x, this.y] = [1, 0, 0];
    else this.zoomBy(1 / this.share, ...(this.pointer ?? []));
    this.draw();
  }

  tell() {
    const shows = this.heatOn && this.heat;
    const under = shows ? this.heatUnderPointer() : null;
    const lacks = this.heatOn && !this.heat ? ` · ${HEAT_STATES[this.heatState ?? "waiting"]}` : "";
    const heat = (shows ? ` · ${say("heat map {share} %", { share: Math.round(this.opacity * 100) })}` : lacks) +
      (under === null || under === undefined ? "" : ` · ${say("heat here {share} %", { share: Math.round(under * 100) })}`);
    this.legend.hidden = !shows;
    this.readout.textContent =
      `W ${Math.round(this.width)} L ${Math.round(this.level)} · ${Math.round(this.zoom * 100)} %` +
      (this.isOneToOne ? " · 1:1" : this.zoom === 1 ? ` · ${say("fitted")}` : "") + (this.inverted ? ` · ${say("inverted")}` : "") + this.magnified +
      (this.ruler.ends ? ` · ${this.ruler.text}` : "") + heat;
    this.section.dataset.drawn = this.readout.textContent;
    this.tellPixels();
    for (const button of this.section.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", button.dataset.tool === this.tool);
    this.section.querySelector("[data-do=invert]").setAttribute("aria-pressed", this.inverted);
    this.section.querySelector("[data-do=heat]").setAttribute("aria-pressed", this.heatOn);
    this.section.querySelector("[data-do=one-to-one]").setAttribute("aria-pressed", this.isOneToOne);
    this.section.querySelector("[data-do=opacity]").value = Math.round(this.opacity * 100);
  }

  // The heat at the pointer, 0..1, interpolated as it is drawn; null outside the map.
  heatUnderPointer() {
    if (!this.pointer) return null;
    const { left, top, width, height } = this.place();
    const { rows, columns, margin, cells } = this.heat;
    const along = (at, start, length, count) => (((at - start) / length - margin) / (1 - 2 * margin)) * count;
    const column = along(this.pointer[0], left, width, columns);
    const row = along(this.pointer[1], top, height, rows);
    if (column < 0 || row < 0 || column > columns || row > rows) return null;
    const [x, y] = [clamp(column - 0.5, 0, columns - 1), clamp(row - 0.5, 0, rows - 1)];
    const [x0, y0] = [Math.floor(x), Math.floor(y)];
    const cell = (across, down) =>
      cells[Math.min(y0 + down, rows - 1) * columns + Math.min(x0 + across, columns - 1)] / 255;
    const line = (down) => cell(0, down) + (cell(1, down) - cell(0, down)) * (x - x0);
    return line(0) + (line(1) - line(0)) * (y - y0);
  }

  changeWindow(width, level) {
    this.width = Math.min(Math.max(this.width + width, 1), 510);
    this.level = Math.min(Math.max(this.level + level, 0), 255);
    this.window();
  }

  // Zoom so that the point (x, y) of the stage stays where it is; without one, its middle.
  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const sharp = this.share ? this.zoom / this.share : 1; // the zoom of one to one
    const zoom = clamp(this.zoom * factor, Math.min(0.5, sharp), Math.max(12, sharp * 4));
    const ratio = zoom / this.zoom;
    const [dx, dy] = [x - this.stage.clientWidth / 2, y - this.stage.clientHeight / 2];
    this.x = dx - (dx - this.x) * ratio;
    this.y = dy - (dy - this.y) * ratio;
    this.zoom = zoom;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.draw();
  }

  act(name, value) {
    const acts = {
      "zoom-in": () => this.zoomBy(1.25),
      "zoom-out": () => this.zoomBy(0.8),
      invert: () => { this.inverted = !this.inverted; this.window(); },
      "one-to-one": () => this.toggleOneToOne(),
      reset: () => { this.home(); this.ruler.clear(); this.window(); },
      ruler: () => { if (this.ruler.isKnown) this.take(this.tool === "ruler" ? "window" : "ruler"); },
      heat: () => {
        this.heatOn = Boolean(this.section.dataset.heat) && !this.heatOn;
        if (this.heatOn) this.loadHeat();
        this.draw();
      },
      opacity: () => {
        this.opacity = Math.min(Math.max(value, 0), 1);
        this.heatOn = Boolean(this.heat);
        this.draw();
      },
    };
    acts[name]?.();
  }

  take(tool) {
    this.tool = tool;
    this.draw();
  }

  listen() {
    this.section.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.tool) this.take(button.dataset.tool);
      else if (button) this.act(button.dataset.do);
    });
    this.section.querySelector("[data-do=opacity]")
      .addEventListener("input", (event) => this.act("opacity", event.target.value / 100));
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("dblclick", () => this.act("reset"));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      [this.pointer, this.isTouch] = [[event.offsetX, event.offsetY], event.pointerType === "touch"];
      if (this.measures(event) && this.shown) this.ruler.begin(this.findPixel(...this.pointer));
      if (this.tool === "lens") this.draw();
    });
    for (const end of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(end, (event) => {
        this.pointers.delete(event.pointerId);
        this.ruler.end();
        this.draw();
      });
    this.canvas.addEventListener("pointermove", (event) => {
      [this.pointer, this.isTouch] = [[event.offsetX, event.offsetY], event.pointerType === "touch"];
      this.drag(event);
      if (this.lens.isHeld || this.tool === "lens") this.draw();
      else if (this.shown && this.heatOn) this.tell();
    });
    this.canvas.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    this.canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const [dx, dy] = STEPS[event.key] ?? [];
      if (this.tool === "ruler" && this.measureByKey(event, dx, dy)) event.preventDefault();
      else if (this.tool !== "ruler" && dx !== undefined) {
        event.preventDefault();
        this.changeWindow(8 * dx, 8 * dy);
      }
    });
  }

  // Lay the ruler down, move one of its ends, take the other or remove it. Return true where the key does so.
  measureByKey({ key, shiftKey }, dx, dy) {
    if (!this.shown || !(STEPS[key] || ["Enter", "Delete", "Backspace"].includes(key))) return false;
    const { ruler } = this;
    const { columns, rows } = this.section.dataset;
    if (!STEPS[key] && key !== "Enter") ruler.clear();
    else if (!ruler.ends) {
      const [x, y] = [this.stage.clientWidth / 2, this.stage.clientHeight / 2];
      ruler.lay([this.findPixel(x - LAID, y), this.findPixel(x + LAID, y)]);
    } else if (key === "Enter") ruler.swap();
    else {
      const step = (columns / this.place().width) * (shiftKey ? 10 : 1); // a pixel of the screen, or ten
      ruler.step(dx * step, dy * step, columns, rows);
    }
    this.draw();
    return true;
  }

  measures({ buttons, shiftKey }) {
    return this.tool === "ruler" && this.pointers.size === 1 && !(buttons & 6) && !shiftKey;
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.shown) return;
    this.pointers.set(event.pointerId, event);
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (this.pointers.size === 2) return this.pinch(event, before, dx, dy);
    // The right and the middle button move the film whatever the tool is.
    if (this.measures(event)) {
      this.ruler.move(this.findPixel(...this.pointer));
      return this.draw();
    }
    if (this.tool === "lens" && !(event.buttons & 6)) return;
    if (this.tool === "pan" || event.buttons & 6 || event.shiftKey) this.pan(dx, dy);
    else this.changeWindow(dx, dy * 0.7);
  }

  // Two fingers zoom about their middle and move the film with it.
  pinch(event, before, dx, dy) {
    const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
    const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const box = this.stage.getBoundingClientRect();
    const middle = [(event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top];
    this.zoomBy(distance(event) / Math.max(distance(before), 1), ...middle);
    this.pan(dx / 2, dy / 2);
  }
}

function keepInSight(move, film, stage) {
  const most = (stage + film) / 2 - IN_SIGHT * Math.min(film, stage);
  return clamp(move, -most, most);
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
