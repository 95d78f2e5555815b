// What only the browser knows: the theme that this reader likes, the language they chose, and whether the link lives.
// Runs in <head> before anything is painted, so that a dark room stays dark.
(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];
  const SILENCE_MS = 6000; // the town clock moves every second; this long without it and the server hangs
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  function chosenTheme() {
    try {
      const kept = localStorage.getItem("vuzol_theme");
      return THEMES.includes(kept) ? kept : "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  }

  function applyTheme() {
    const choice = chosenTheme();
    root.dataset.themeChoice = choice;
    root.dataset.theme = choice === "auto" ? (systemDark.matches ? "dark" : "light") : choice;
  }

  function nextTheme() {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
    try {
      localStorage.setItem("vuzol_theme", next);
    } catch {
      root.dataset.theme = next;
      return;
    }
    applyTheme();
  }

  function keepLanguage() {
    const language = new URLSearchParams(location.search).get("lang");
    if (language) document.cookie = `vuzol_language=${encodeURIComponent(language)};path=/;max-age=31536000;samesite=lax`;
  }

  function watchLink() {
    let connected = true;
    let clock = "";
    let movedAt = performance.now();
    let socket = null;
    const check = () => {
      if (!socket && window.socket) {
        socket = window.socket;
        socket.on("connect", () => ((connected = true), (movedAt = performance.now()), check()));
        socket.on("disconnect", () => ((connected = false), check()));
      }
      const shown = document.querySelector(".clock-time")?.textContent ?? "";
      if (shown !== clock || document.hidden) {
        clock = shown;
        movedAt = performance.now();
      }
      root.dataset.link = connected && performance.now() - movedAt < SILENCE_MS ? "live" : "lost";
    };
    setInterval(check, 500);
    check();
  }

  applyTheme();
  systemDark.addEventListener("change", applyTheme);
  keepLanguage();
  root.dataset.link = "live";
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-theme-switch]")) nextTheme();
  });
  addEventListener("DOMContentLoaded", watchLink);
})();
