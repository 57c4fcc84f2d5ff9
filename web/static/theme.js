// The theme, set before the first paint: the choice of this reader, else the theme of the browser.
(() => {
  const themes = ["auto", "light", "dark"];
  let chosen = localStorage.getItem("tbscreen-theme");
  const apply = () => {
    if (!themes.includes(chosen)) chosen = "auto";
    document.documentElement.dataset.theme = chosen;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = name.closest("button").dataset[chosen];
  };
  apply();
  // The next user of this machine must not find the worklist of the last one. Who logs in again after the session has
  // ended finds it, and the comment that was not saved.
  const { user, ended } = document.documentElement.dataset;
  const known = sessionStorage.getItem("tbscreen-user");
  if (location.pathname === "/login" ? ended === undefined : user && known && user !== known) sessionStorage.clear();
  // Tokens of the session that ended.
  if (location.pathname === "/login") for (const key of ["tbscreen-shown", "tbscreen-ahead"]) sessionStorage.removeItem(key);
  if (user) sessionStorage.setItem("tbscreen-user", user);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.querySelector("[data-do=theme]")?.addEventListener("click", () => {
      chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
      localStorage.setItem("tbscreen-theme", chosen);
      apply();
    });
  });
})();
