// The study page: film, read, next study.
import { keepRenewing, onKeys, renew } from "./page.js";
import { Viewer } from "./viewer.js";

const section = document.querySelector(".viewer");
const viewer = new Viewer(section);
const form = document.getElementById("read");
const said = document.getElementById("said");
const goOn = document.getElementById("go-on");

// ---- the next study, in the order in which the worklist was last shown
const order = JSON.parse(sessionStorage.getItem("tbscreen-order") ?? "[]");
const here = order.indexOf(section.dataset.study);
const worklist = document.querySelector("[data-do=worklist]");
worklist.href = sessionStorage.getItem("tbscreen-worklist") ?? "/";
const link = (name, study) => {
  const element = document.querySelector(`[data-do=${name}]`);
  if (study) [element.href, element.hidden] = [`/studies/${study}`, false];
  return element;
};
const next = link("next", here >= 0 ? order[here + 1] : null);
const previous = link("previous", here >= 0 ? order[here - 1] : null);

// ---- the read
async function sendRead(verdict) {
  if (!form) return;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("verdict", verdict);
  const answer = await fetch(form.action, { method: "POST", body: fields, headers: { Accept: "application/json" } })
    .catch(() => null);
  if (answer?.status === 401) return location.reload();
  const good = answer?.status === 201;
  say(good ? "The read is saved." : `The read is NOT saved: ${answer ? await answer.text() : "no answer"}`, good);
  if (!good) return;
  for (const button of form.querySelectorAll("[name=verdict]"))
    button.setAttribute("aria-pressed", button.value === verdict);
  if (goOn.checked && !next.hidden) next.click();
  else await renew(undefined, fits);
}

function say(text, good) {
  said.textContent = text;
  said.className = good ? "good" : "problem";
  said.hidden = false;
}

if (form) {
  goOn.checked = localStorage.getItem("tbscreen-go-on") === "yes";
  goOn.addEventListener("change", () => localStorage.setItem("tbscreen-go-on", goOn.checked ? "yes" : "no"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter) sendRead(event.submitter.value);
  });
}

// A result must never stand beside another film than its own.
const comment = form?.querySelector("textarea");
function fits(page) {
  const { film, heat } = page.querySelector(".viewer").dataset;
  if (film === section.dataset.film && heat === section.dataset.heat) return true;
  if (!comment || comment.value === comment.defaultValue) location.reload();
  else say("This study has changed: save your read, then reload the page.", false);
  return false;
}

onKeys({
  1: () => sendRead("tb"),
  2: () => sendRead("not_tb"),
  3: () => sendRead("unsure"),
  c: () => form?.querySelector("textarea").focus(),
  h: () => viewer.act("heat"),
  "[": () => viewer.act("opacity", viewer.opacity - 0.1),
  "]": () => viewer.act("opacity", viewer.opacity + 0.1),
  i: () => viewer.act("invert"),
  r: () => viewer.act("reset"),
  "+": () => viewer.act("zoom-in"),
  "=": () => viewer.act("zoom-in"),
  "-": () => viewer.act("zoom-out"),
  j: () => next.hidden || next.click(),
  k: () => previous.hidden || previous.click(),
  w: () => worklist.click(),
});
viewer.load();
keepRenewing(undefined, fits);
