// The theme, before anything is drawn: the browser's, or what this reader chose here.
(() => {
  const themes = ["auto", "light", "dark"];
  let chosen = localStorage.getItem("tbscreen-theme");
  const apply = () => {
    if (!themes.includes(chosen)) chosen = "auto";
    document.documentElement.dataset.theme = chosen;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = chosen;
  };
  apply();
  // Whoever comes next on this machine does not find what the last reader worked through.
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
