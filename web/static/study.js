// The study page: film, read, next study.
import { fetchAhead } from "./films_ahead.js";
import { findNext, readOrder } from "./order.js";
import { keepRenewing, nameKey, onKeys, renew } from "./page.js";
import { ShownFilms } from "./shown_films.js";
import { Viewer } from "./viewer.js";
import { say } from "./words.js";

const SETTLE_MS = 500; // a key pressed twice for the study before must not reach this one
const UNDO_MS = 30000;
const WAIT = say("Wait until the film is on the screen, then read.");

const sections = [...document.querySelectorAll(".viewer")]; // two, where films are side by side
const { study, instance } = sections[0].dataset;
const viewers = sections.map((section) => new Viewer(section));
let [viewer] = viewers; // the one on which keys act
const films = new ShownFilms(study);
const form = document.getElementById("read");
const comment = form?.querySelector("textarea");
const said = document.getElementById("said");
const undo = document.getElementById("undo");
const goOn = document.getElementById("go-on");

// ---- the next study, in the order in which the worklist was last shown
const order = readOrder().studies.map((one) => one.study);
const here = order.indexOf(study);
const worklist = document.querySelector("[data-do=worklist]");
worklist.href = sessionStorage.getItem("tbscreen-worklist") ?? "/";
const link = (name, to) => {
  const element = document.querySelector(`[data-do=${name}]`);
  if (to) [element.href, element.hidden] = [`/studies/${to}`, false];
  return element;
};
sessionStorage.setItem("tbscreen-row", study);
const next = link("next", here >= 0 ? order[here + 1] : null);
const previous = link("previous", here >= 0 ? order[here - 1] : null);

// ---- the read
let state = "loading"; // then: settling, ready, sending, saved; or over, with the session
function become(now) {
  state = now;
  if (!form) return;
  form.dataset.state = now;
  comment.readOnly = now === "sending"; // what is typed meanwhile would not be in the read
  for (const button of form.querySelectorAll("[name=verdict]")) button.disabled = now !== "ready";
}

async function post(path, fields) {
  const body = new URLSearchParams({ csrf: form.elements.csrf.value, ...fields });
  const answer = await fetch(path, { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status !== 401) return answer;
  become("over");
  sessionStorage.setItem("tbscreen-refused", say("Your session had ended: what you sent last is NOT saved."));
  location.reload();
  return new Promise(() => {}); // the page goes
}

async function sendRead(verdict) {
  if (form && state === "loading") tell(WAIT, false);
  if (!form || state !== "ready") return;
  const [unseen] = films.unseen;
  if (unseen) {
    tell(`${say("The read is NOT saved: look at each film first.")} `, false);
    const to = said.appendChild(unseen.cloneNode(true));
    to.textContent = say("Show {film}", { film: unseen.textContent });
    return to.focus();
  }
  become("sending");
  const answer = await post(form.action, { verdict, comment: comment.value, shown: String(films) });
  if (answer?.status !== 201) {
    become("ready");
    const reason = answer ? await answer.text() : say("no answer. Send it again");
    const refusal = say("The read is NOT saved: {reason}", { reason });
    if (answer?.status !== 409) return tell(refusal, false);
    // The study has other films than this page knows, or the films were shown in another session.
    films.forget();
    sessionStorage.setItem("tbscreen-refused", refusal);
    return location.reload();
  }
  become("saved");
  forgetDraft();
  const name = document.querySelector("h1").textContent;
  const { read_id: read } = await answer.json();
  sessionStorage.setItem("tbscreen-undo", JSON.stringify({ study, read, verdict, name, comment: comment.value, at: Date.now() }));
  if (goOn.checked && !next.hidden) return next.click();
  if ("blinded" in form.dataset) {
    sessionStorage.setItem("tbscreen-done", say("The read is saved."));
    return location.reload(); // the result is shown from now on
  }
  tell(say("The read is saved."), true);
  for (const button of form.querySelectorAll("[name=verdict]"))
    button.setAttribute("aria-pressed", button.value === verdict);
  offerUndo();
  await renew(changed, fits);
  become("ready");
}

// A page that is left takes a read with it that the server may not have.
window.addEventListener("beforeunload", (event) => { if (state === "sending") event.preventDefault(); });

// ---- undo, also from the study that came next
function findUndo() {
  const last = JSON.parse(sessionStorage.getItem("tbscreen-undo") ?? "null");
  return form && last && Date.now() - last.at < UNDO_MS ? last : null;
}

function offerUndo() {
  const last = findUndo();
  undo.hidden = !last;
  if (!last) return;
  if (last.study !== study) tell(say("The read of {patient} is saved.", { patient: last.name }), true);
  setTimeout(() => { undo.hidden = !findUndo(); }, last.at + UNDO_MS - Date.now());
}

async function undoRead() {
  const last = findUndo();
  if (!last || state === "sending") return;
  const answer = await post(`/studies/${last.study}/reads/${last.read}/undo`, {});
  if (answer?.status !== 204) {
    const reason = answer ? await answer.text() : say("no answer. Try again");
    return tell(say("The read is NOT undone: {reason}", { reason }), false);
  }
  const isTyping = last.study !== study && comment.value !== comment.defaultValue;
  if (last.comment && !isTyping) keepDraft(last.study, last.comment);
  sessionStorage.removeItem("tbscreen-undo");
  sessionStorage.setItem("tbscreen-done", say("The read is undone."));
  if (last.study === study) location.reload();
  else location.href = `/studies/${last.study}`;
}

function tell(text, good) {
  said.textContent = text;
  said.className = good ? "good" : "problem";
  said.hidden = false;
}

// ---- the comment that is not saved yet
function keepDraft(of, text) {
  sessionStorage.setItem("tbscreen-draft", JSON.stringify({ study: of, comment: text }));
}

function forgetDraft() {
  sessionStorage.removeItem("tbscreen-draft");
  comment.defaultValue = comment.value;
}

if (form) {
  const draft = JSON.parse(sessionStorage.getItem("tbscreen-draft") ?? "null");
  // What was typed and ticked before this script ran stays.
  if (draft?.study === study && comment.value === comment.defaultValue) comment.value = draft.comment;
  comment.addEventListener("input", () => keepDraft(study, comment.value));
  const keepGoOn = () => localStorage.setItem("tbscreen-go-on", goOn.checked ? "yes" : "no");
  if (goOn.checked) keepGoOn();
  goOn.checked = localStorage.getItem("tbscreen-go-on") === "yes";
  goOn.addEventListener("change", keepGoOn);
  undo.addEventListener("click", undoRead);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter) sendRead(event.submitter.value);
  });
  offerUndo();
  for (const [key, good] of [["tbscreen-refused", false], ["tbscreen-done", true]]) {
    const text = sessionStorage.getItem(key);
    if (text) tell(text, good);
    sessionStorage.removeItem(key);
  }
}

// A result must never stand beside another film than its own, nor a film under another patient's name.
const name = ({ dataset }) => `${dataset.film} ${dataset.heat}`;
const describe = (page) => [
  ...[...page.querySelectorAll(".viewer")].map(name),
  ...[...page.querySelectorAll(".patient h1, .patient .facts, main > .problem")].map((one) => one.textContent),
].join("\n");
const described = describe(document);

function fits(page) {
  const fit = describe(page) === described;
  if (!fit && state !== "sending") location.reload();
  return fit;
}

function changed(part) {
  if (part === "films") films.mark();
}

function showNextFilm() {
  const all = [...document.querySelectorAll(".films a:not(.beside)")];
  const at = all.findIndex((one) => one.closest("li").dataset.instance === instance);
  (films.unseen.find((one) => one.closest("li").dataset.instance !== instance) ?? all[(at + 1) % all.length])?.click();
}

function act(on) {
  viewer = on;
  for (const [at, section] of sections.entries()) section.toggleAttribute("data-active", viewers[at] === on);
}

for (const [at, section] of sections.entries()) {
  if (sections.length < 2) break;
  for (const kind of ["pointerenter", "focusin", "pointerdown"])
    section.addEventListener(kind, () => viewer === viewers[at] || (viewer.hold(false), act(viewers[at])));
}
if (sections.length > 1) act(viewer);

onKeys({
  1: () => sendRead("tb"),
  2: () => sendRead("not_tb"),
  3: () => sendRead("unsure"),
  z: undoRead,
  f: showNextFilm,
  b: () => (document.querySelector(".beside[data-alone]") ?? document.querySelector(".beside"))?.click(),
  c: () => comment?.focus(),
  h: () => viewer.act("heat"),
  "[": () => viewer.act("opacity", viewer.opacity - 0.1),
  "]": () => viewer.act("opacity", viewer.opacity + 0.1),
  i: () => viewer.act("invert"),
  r: () => viewer.act("reset"),
  a: () => viewer.act("one-to-one"),
  l: () => { viewer.act("ruler"); if (viewer.tool === "ruler") viewer.canvas.focus(); },
  m: () => viewer.hold(true),
  "+": () => viewer.act("zoom-in"),
  "=": () => viewer.act("zoom-in"),
  "-": () => viewer.act("zoom-out"),
  j: () => next.hidden || next.click(),
  k: () => previous.hidden || previous.click(),
  w: () => worklist.click(),
});
document.addEventListener("keyup", (event) => { if (nameKey(event) === "m") viewer.hold(false); });
window.addEventListener("blur", () => viewer.hold(false));

function settle() {
  become("settling");
  if (said.textContent === WAIT) {
    said.hidden = true;
    offerUndo();
  }
  setTimeout(() => become("ready"), SETTLE_MS);
}

async function lookAhead() {
  const found = await findNext(study).catch(() => null); // no answer: Next stays as it was
  if (!found) return;
  [next.hidden, next.href] = [!found.next, `/studies/${found.next}`];
  await fetchAhead(found.films);
}

let waiting = sections.length; // films that are not on the screen yet
function note(film, token) {
  films.add(film, token);
  waiting -= 1;
  if (waiting) return;
  settle();
  lookAhead();
}

if (sections[0].dataset.film)
  for (const one of viewers) one.load((token) => note(one.section.dataset.instance, token));
else { settle(); lookAhead(); } // the server says what a study without pictures can do
keepRenewing(changed, fits);
