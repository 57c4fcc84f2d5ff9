// The theme, set before the first paint: the choice of this reader, else the theme of the browser.
(() => {
  const themes = ["auto", "light", "dark"];
  let chosen = localStorage.getItem("tbscreen-theme");
  const apply = () => {
    if (!themes.includes(chosen)) chosen = "auto";
    document.documentElement.dataset.theme = chosen;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = chosen;
  };
  apply();
  // The next user of this machine must not find the worklist of the last one.
  if (location.pathname === "/login") sessionStorage.clear();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.querySelector("[data-do=theme]")?.addEventListener("click", () => {
      chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
      localStorage.setItem("tbscreen-theme", chosen);
      apply();
    });
  });
})();
