// Scripts of every page: times in the local zone, the list of keys, parts that refresh themselves.
import { say } from "./words.js";

export function localiseTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.title = element.dateTime.replace("T", " ").replace("+00:00", " UTC");
    element.textContent = moment.toLocaleString("sv-SE");
  }
  tellWaits(root);
}

function tellWaits(root = document) {
  for (const element of root.querySelectorAll("[data-since]")) {
    const minutes = Math.max(0, Math.floor((Date.now() - new Date(element.dataset.since)) / 60000));
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60)];
    if (days > 1) element.textContent = say("waits {days} days", { days });
    else if (hours > 1) element.textContent = say("waits {hours} h", { hours });
    else element.textContent = say("waits {minutes} min", { minutes });
  }
}

const BY_CODE = { BracketLeft: "[", BracketRight: "]", Minus: "-", Equal: "=", NumpadAdd: "+", NumpadSubtract: "-", Slash: "/" };

// The name of a key on any keyboard: digits by position, as French keyboards type none without Shift; letters as they are
// typed, whatever Caps Lock says, and by position where the keyboard types no Latin ones.
export function nameKey({ key, code, shiftKey }) {
  const [, digit] = /^Digit(\d)$/.exec(code) ?? [];
  if (/^\d$/.test(key)) return key;
  if (digit && !shiftKey) return digit;
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  if (/^[\x21-\x7e]$/.test(key) || key.length > 1) return key;
  return /^Key([A-Z])$/.exec(code)?.[1].toLowerCase() ?? BY_CODE[code] ?? key;
}

// Call `keys[name]` for a key pressed without modifier and outside an input field.
export function onKeys(keys) {
  const list = document.getElementById("keys");
  document.querySelector("[data-do=keys]")?.addEventListener("click", () => list.showModal());
  document.addEventListener("keydown", (event) => {
    const name = nameKey(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && "123z".includes(name)) return;
    if (event.target.closest("textarea, select, input:not([type=range], [type=checkbox])")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (list?.open) return;
    if (name === "?") list?.showModal();
    else if (Object.hasOwn(keys, name)) keys[name](event);
    else return;
    event.preventDefault();
  });
}

const live = document.querySelectorAll("[data-live]");
const shown = new Map([...live].map((part) => [part.dataset.live, part.innerHTML])); // as the server sent them
const [SHORTEST_MS, LONGEST_MS] = [4000, 10000];
let quiet = 0; // requests since the page changed
let tag = null; // of the page as it was fetched last

// Typing, windowing and the like are activity: the page says so with its next request.
let active = false;
for (const kind of ["keydown", "pointerdown", "wheel", "input"])
  document.addEventListener(kind, () => { active = true; }, { capture: true, passive: true });
document.addEventListener("pointermove", (event) => { active ||= event.buttons > 0; }, { passive: true });

// Fetch this page again and replace the changed parts marked `data-live`, if `fits(page)`.
export async function renew(changed = () => {}, fits = () => true) {
  let answer;
  try {
    const itself = active ? "active" : "idle";
    active = false;
    const headers = { Accept: "text/html", "X-By-Itself": itself, ...(tag && { "If-None-Match": tag }) };
    answer = await fetch(location.href, { headers });
  } catch {
    document.body.dataset.away = "yes";
    return;
  }
  if (answer.status === 401) location.reload(); // the session is over: nobody's data stays on the screen
  if (answer.ok || answer.status === 304) delete document.body.dataset.away;
  else document.body.dataset.away = "yes";
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fits(page)) return;
  tag = answer.headers.get("ETag");
  quiet = 0;
  for (const part of page.querySelectorAll("[data-live]")) {
    const here = document.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!here || shown.get(part.dataset.live) === part.innerHTML) continue;
    shown.set(part.dataset.live, part.innerHTML);
    here.replaceChildren(...part.childNodes);
    localiseTimes(here);
    changed(part.dataset.live);
  }
}

// While nothing changes, the pauses grow to LONGEST_MS.
export function keepRenewing(changed, fits) {
  const again = async () => {
    quiet += 1;
    if (!document.hidden) await renew(changed, fits);
    tellWaits();
    setTimeout(again, Math.min(SHORTEST_MS * 2 ** (quiet / 4), LONGEST_MS));
  };
  setTimeout(again, SHORTEST_MS);
  document.addEventListener("visibilitychange", () => document.hidden || renew(changed, fits));
}

localiseTimes();
