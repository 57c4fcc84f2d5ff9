// Films that were fetched ahead, for the studies that come next. This tab's storage keeps them until a logout.
const KEY = "tbscreen-ahead";
const session = document.querySelector("[name=csrf]")?.value; // tokens of another one count for nothing

function read() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  return kept.session === session ? kept.films : {};
}

// The film of an address, with the answer's status and the server's token for it.
export async function takeFilm(url) {
  const kept = read()[url];
  if (kept) {
    const bytes = Uint8Array.from(atob(kept.data), (letter) => letter.charCodeAt(0));
    return { status: 200, blob: new Blob([bytes], { type: "image/jpeg" }), token: kept.token };
  }
  return fetchFilm(url, {});
}

async function fetchFilm(url, headers) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, blob: await answer.blob(), token: answer.headers.get("X-Film-Token") };
}

const encode = (blob) => new Promise((done) => {
  const reader = new FileReader();
  reader.addEventListener("load", () => done(reader.result.split(",")[1]));
  reader.readAsDataURL(blob);
});

// Fetch these films and keep them alone.
export async function fetchAhead(urls) {
  const [before, kept] = [read(), {}];
  for (const url of urls) {
    const film = before[url] ? null : await fetchFilm(url, { "X-By-Itself": "idle" }).catch(() => null);
    if (before[url]) kept[url] = before[url];
    else if (film?.status === 200) kept[url] = { token: film.token, data: await encode(film.blob) };
  }
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ session, films: kept }));
  } catch {
    sessionStorage.removeItem(KEY); // no room: the films are fetched when they are shown
  }
}
