// Scripts of every page: times in the local zone, the list of keys, parts that refresh themselves.

export function localiseTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.title = element.dateTime.replace("T", " ").replace("+00:00", " UTC");
    element.textContent = moment.toLocaleString("sv-SE");
  }
  for (const element of root.querySelectorAll("[data-since]")) {
    const minutes = Math.max(0, Math.floor((Date.now() - new Date(element.dataset.since)) / 60000));
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60)];
    element.textContent = "waits " + (days > 1 ? `${days} days` : hours > 1 ? `${hours} h` : `${minutes} min`);
  }
}

// Call `keys[name]` for a key pressed without modifier and outside an input field.
export function onKeys(keys) {
  const list = document.getElementById("keys");
  document.querySelector("[data-do=keys]")?.addEventListener("click", () => list.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && "123".includes(event.key)) return;
    if (event.target.closest("textarea, select, input:not([type=range], [type=checkbox])")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (list?.open) return;
    if (event.key === "?") list?.showModal();
    else if (keys[event.key]) keys[event.key](event);
    else return;
    event.preventDefault();
  });
}

const shown = new Map();

// Fetch this page again and replace the changed parts marked `data-live`, if `fits(page)`.
export async function renew(changed = () => {}, fits = () => true) {
  let answer;
  try {
    answer = await fetch(location.href, { headers: { Accept: "text/html", "X-By-Itself": "1" } });
  } catch {
    document.body.dataset.away = "yes";
    return;
  }
  if (answer.status === 401) location.reload(); // the session is over: nobody's data stays on the screen
  if (answer.ok) delete document.body.dataset.away;
  else document.body.dataset.away = "yes";
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!fits(page)) return;
  for (const part of page.querySelectorAll("[data-live]")) {
    const here = document.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!here || shown.get(part.dataset.live) === part.innerHTML) continue;
    shown.set(part.dataset.live, part.innerHTML);
    here.replaceChildren(...part.childNodes);
    localiseTimes(here);
    changed(part.dataset.live);
  }
}

export function keepRenewing(changed, fits, everyMs = 4000) {
  const again = async () => {
    if (!document.hidden) await renew(changed, fits);
    setTimeout(again, everyMs);
  };
  setTimeout(again, everyMs);
  document.addEventListener("visibilitychange", () => document.hidden || renew(changed, fits));
}

localiseTimes();
