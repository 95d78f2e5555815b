// What only the browser knows: the theme that this reader likes, the language they chose, whether the link lives,
// which keys they press, and the login that they type. Runs in <head> before anything is painted.
(() => {
  const root = document.documentElement;
  const THEMES = ["auto", "light", "dark"];
  const SILENCE_MS = 6000; // the town clock moves every second; this long without it and the server hangs
  const MOUNT_MS = 3000; // a page has its fields by then
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  function kept(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage may be forbidden
    }
  }

  function keep(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      return false;
    }
    return true;
  }

  // ---- theme and language

  function chosenTheme() {
    const theme = kept("vuzol_theme");
    return THEMES.includes(theme) ? theme : "auto";
  }

  function applyTheme() {
    const choice = chosenTheme();
    root.dataset.themeChoice = choice;
    root.dataset.theme = choice === "auto" ? (systemDark.matches ? "dark" : "light") : choice;
  }

  function nextTheme() {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
    if (keep("vuzol_theme", next)) applyTheme();
    else root.dataset.theme = next;
  }

  function keepLanguage() {
    const language = new URLSearchParams(location.search).get("lang");
    if (language) document.cookie = `vuzol_language=${encodeURIComponent(language)};path=/;max-age=31536000;samesite=lax`;
  }

  // What was chosen on this page goes along: another language of the same list, the same list as a file.
  function withChoices(link) {
    const address = new URL(link.getAttribute("href"), location);
    for (const [name, value] of new URLSearchParams(location.search))
      if (name !== "lang" && !address.searchParams.has(name)) address.searchParams.set(name, value);
    link.href = address;
  }

  // ---- the link to the server

  function watchLink() {
    let connected = true;
    let clock = "";
    let movedAt = performance.now();
    let socket = null;
    const check = () => {
      if (!socket && window.socket) {
        socket = window.socket;
        socket.on("connect", () => ((connected = true), (movedAt = performance.now()), check()));
        socket.on("disconnect", () => ((connected = false), check(), askWhoIAm()));
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

  async function askWhoIAm() {
    const answer = await fetch("/api/v1/me").catch(() => null);
    if (answer?.status === 401) toLogin();
  }

  function toLogin() {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  // ---- the login

  async function login(form) {
    const refusal = form.querySelector("[data-refusal]");
    const typed = Object.fromEntries(new FormData(form));
    const answer = await send("/api/v1/login", typed);
    if (answer?.ok) {
      const next = new URLSearchParams(location.search).get("next") ?? "/";
      location.assign(/^\/(?![/\\])/.test(next) ? next : "/");
      return;
    }
    const told = await answer?.json().catch(() => ({}));
    if (told?.code_needed) {
      const code = form.querySelector("[data-code]");
      refusal.textContent = typed.code ? refusal.dataset.wrong : refusal.dataset.needed;
      code.hidden = false;
      code.querySelector("input").focus();
    } else {
      refusal.textContent = worded(refusal.dataset[{ 401: "wrong", 429: "many" }[answer?.status] ?? "failed"], answer);
    }
  }

  // Who has to wait is told how long, as 0:08 or 14:30.
  function worded(text, answer) {
    const wait = Number(answer?.headers.get("Retry-After") ?? 60);
    return text.replace("{wait}", `${Math.floor(wait / 60)}:${String(wait % 60).padStart(2, "0")}`);
  }

  async function leave() {
    await send("/api/v1/logout", {});
    location.assign("/login");
  }

  // ---- one's own password and second factor

  async function enrol(button) {
    const answer = await fetch("/api/v1/me/totp").catch(() => null);
    if (!answer?.ok) return toLogin();
    const told = await answer.json();
    const form = button.nextElementSibling;
    form.querySelector("[data-drawing]").innerHTML = told.drawing;
    form.querySelector("[data-secret]").textContent = form.elements.secret.value = told.secret;
    button.hidden = true;
    form.hidden = false;
    form.elements.password.focus();
  }

  async function change(form) {
    const refusal = form.querySelector("[data-refusal]");
    const answer = await send(form.dataset.own, Object.fromEntries(new FormData(form)), "PUT");
    const text = refusal.dataset[answer?.ok ? "done" : `s${answer?.status}`] ?? refusal.dataset.failed;
    refusal.textContent = worded(text, answer);
    refusal.dataset.state = answer?.ok ? "good" : "bad";
    if (!answer?.ok) return;
    form.reset();
    for (const shown of form.querySelectorAll("[data-drawing], [data-secret]")) shown.textContent = "";
  }

  function send(address, told, method = "POST") {
    const body = JSON.stringify(told);
    return fetch(address, { method, headers: { "Content-Type": "application/json" }, body }).catch(() => null);
  }

  // ---- keys

  function openHelp() {
    const help = document.getElementById("help");
    if (!help) return;
    help.querySelector("[data-keys-switch]").checked = kept("vuzol_keys") !== "off";
    help.showModal();
  }

  // A hand may be faster than the page: the key waits until its field is there.
  function seek(until) {
    const field = document.querySelector("[data-search]");
    if (field) field.focus();
    else if (performance.now() < until) requestAnimationFrame(() => seek(until));
  }

  function act(key) {
    if (key === "?") openHelp();
    else if (key === "/") seek(performance.now() + MOUNT_MS);
    else if (key === "t") nextTheme();
    else {
      const nowhere = document.activeElement === document.body; // an alarm that has the focus knows its own keys
      const alarm = key === "ArrowDown" && nowhere && document.querySelector(".alert");
      const way = /^[0-9]$/.test(key) && document.querySelector(`[data-key="${key}"]`);
      if (alarm) alarm.focus();
      else if (way) way.click();
      else return false;
    }
    return true;
  }

  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog, [contenteditable]");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || kept("vuzol_keys") === "off") return;
    if (act(event.key)) event.preventDefault();
  });

  // ---- all of it

  applyTheme();
  systemDark.addEventListener("change", applyTheme);
  keepLanguage();
  root.dataset.link = "live";
  document.addEventListener("click", (event) => {
    const on = (what) => event.target.closest?.(what);
    if (on("[data-theme-switch]")) nextTheme();
    else if (on("[data-with-choices]")) withChoices(on("[data-with-choices]"));
    else if (on("[data-help]")) openHelp();
    else if (on("[data-close]")) on("dialog").close();
    else if (on("[data-leave]")) leave();
    else if (on("[data-enrol]")) enrol(on("[data-enrol]"));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-switch]")) keep("vuzol_keys", event.target.checked ? "on" : "off");
  });
  document.addEventListener("submit", (event) => {
    const act = event.target.matches("[data-login]") ? login : event.target.matches("[data-own]") && change;
    if (!act) return;
    event.preventDefault();
    act(event.target);
  });
  addEventListener("DOMContentLoaded", () => {
    if (!document.querySelector("[data-login], .door")) watchLink();
  });
})();
