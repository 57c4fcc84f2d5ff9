// The worklist: keys, sorting of the rows that are shown, and their order for the study's page.
import { keepOrder } from "./order.js";
import { keepRenewing, onKeys } from "./page.js";

let sorted = { key: null, down: false };

const rows = () => [...document.querySelectorAll("tr[data-study]")];
const links = () => rows().map((row) => row.querySelector("a.open"));

function move(step) {
  const all = links();
  const here = all.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  all[next]?.focus();
  all[next]?.closest("tr").scrollIntoView({ block: "nearest" });
}

function sort() {
  const headings = [...document.querySelectorAll("th")];
  const column = headings.findIndex((one) => one.querySelector("button")?.dataset.sort === sorted.key);
  for (const [at, heading] of headings.entries())
    heading.setAttribute("aria-sort", at === column ? (sorted.down ? "descending" : "ascending") : "none");
  if (column < 0) return;
  const key = (row) => row.cells[column].dataset.key;
  const numeric = ["priority", "score", "films"].includes(sorted.key);
  const order = (a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b)));
  const body = document.querySelector("table.worklist tbody");
  body.append(...rows().sort((a, b) => (sorted.down ? order(b, a) : order(a, b))));
}

// Rows do not move under a pointer that is on its way to one of them, nor while a text in them is being copied.
const [REST_MS, COPY_MS, REACTION_MS] = [5000, 60000, 700];
let [movedAt, selectedAt, changedAt] = [-REST_MS, -COPY_MS, -REACTION_MS];
document.addEventListener("pointermove", (event) => { movedAt = event.timeStamp; }, { passive: true });
document.addEventListener("selectionchange", (event) => { selectedAt = event.timeStamp; });
const isCopied = () => !getSelection().isCollapsed && performance.now() - selectedAt < COPY_MS;
const isPointedAt = () => performance.now() - movedAt < REST_MS && document.querySelector("tr[data-study]:hover");
const isStill = () => !isCopied() && !isPointedAt();

// A click that was meant for the row that was there a moment ago opens nothing.
document.addEventListener("click", (event) => {
  const isTooSoon = event.detail > 0 && event.timeStamp - changedAt < REACTION_MS;
  if (!isTooSoon || !event.target.closest("tr[data-study]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

// The row that was open last, and the order for "next study".
let focused = sessionStorage.getItem("tbscreen-row");
function settle() {
  sort();
  if (focused && document.activeElement === document.body)
    rows().find((row) => row.dataset.study === focused)?.querySelector("a.open").focus({ preventScroll: true });
  keepOrder(rows(), document.querySelector("a[rel=next]"));
  sessionStorage.setItem("tbscreen-worklist", location.href);
}

document.addEventListener("focusin", (event) => {
  focused = event.target.closest("tr[data-study]")?.dataset.study ?? null;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sort]");
  if (button) {
    const key = button.dataset.sort;
    // Up, down, and back to the order of suspicion.
    if (sorted.key !== key) sorted = { key, down: false };
    else if (!sorted.down) sorted = { key, down: true };
    else return location.reload();
    return settle();
  }
  const link = event.target.closest("tr[data-study]")?.querySelector("a.open");
  if (!link || event.target.closest("a, button") || getSelection().toString()) return; // a text is being copied
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else link.click();
});

const open = () => document.activeElement.closest("tr")?.querySelector("a.open").click();
onKeys({
  j: () => move(1),
  k: () => move(-1),
  o: open,
  "/": () => document.querySelector(".filters select, .filters input")?.focus(),
});
settle();
document.activeElement.closest?.("tr")?.scrollIntoView({ block: "nearest" });
keepRenewing(() => { changedAt = performance.now(); settle(); }, isStill);
