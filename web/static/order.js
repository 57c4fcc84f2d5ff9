// The studies in the order in which the worklist was last shown, with the address of its following page.
const KEY = "tbscreen-order";

export function keepOrder(rows, following, before = []) {
  const known = new Set(before.map(({ study }) => study)); // a study that is read moves down the list, to a later page
  const studies = rows.map((row) => ({ study: row.dataset.study, done: row.classList.contains("done") }))
    .filter(({ study }) => !known.has(study));
  const order = { studies: [...before, ...studies], following: following?.getAttribute("href") ?? null };
  sessionStorage.setItem(KEY, JSON.stringify(order));
  return order;
}

export function readOrder() {
  return { studies: [], following: null, ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
}

// The study after `here` that nobody else has read or opened since, and the films to fetch ahead. At the end of the page the
// following page is read.
export async function findNext(here) {
  const { studies, following } = readOrder();
  const at = studies.findIndex(({ study }) => study === here);
  const ahead = at < 0 ? [] : studies.slice(at + 1);
  const unread = ahead.filter(({ done }) => !done).map(({ study }) => study).slice(0, 50);
  const headers = { "X-By-Itself": "idle" };
  const answer = unread.length ? await fetch(`/studies/ahead?studies=${unread}`, { headers }) : null;
  const { passed, films } = answer?.ok ? await answer.json() : { passed: [], films: [] };
  const next = ahead.find(({ study }) => !passed.includes(study))?.study ?? null;
  if (next || at < 0 || !following) return { next, films };
  const page = await fetch(following, { headers: { ...headers, Accept: "text/html" } });
  if (!page.ok) return { next, films };
  const shown = new DOMParser().parseFromString(await page.text(), "text/html");
  const rows = [...shown.querySelectorAll("tr[data-study]")];
  keepOrder(rows, shown.querySelector("a[rel=next]"), studies);
  return findNext(here);
}
