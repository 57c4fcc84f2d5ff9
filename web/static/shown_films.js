// The films of one study that were drawn on this screen, each with the token that the server gave with its picture.
const KEY = "tbscreen-shown";

export class ShownFilms {
  constructor(study) {
    this.study = study;
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    this.tokens = kept.study === study ? kept.tokens : {};
    this.mark();
  }

  add(film, token) {
    this.tokens[film] = token;
    sessionStorage.setItem(KEY, JSON.stringify({ study: this.study, tokens: this.tokens }));
    this.mark();
  }

  forget() {
    this.tokens = {};
    sessionStorage.removeItem(KEY);
    this.mark();
  }

  mark() {
    for (const film of document.querySelectorAll(".films li"))
      film.toggleAttribute("data-seen", film.dataset.instance in this.tokens);
  }

  // The links to the films that are still to be seen.
  get unseen() {
    return [...document.querySelectorAll(".films [data-to-see]:not([data-seen]) a:not(.beside)")];
  }

  toString() {
    return Object.values(this.tokens).join(" ");
  }
}
