// Light, dark, or like the device: kept in a cookie, so that the server sends the page right and nothing flashes.
import { on } from "./dom.js";

on("click", "[data-theme]", (_, button) => {
  const theme = button.dataset.theme;
  document.documentElement.dataset.bsTheme = theme;
  document.cookie = `retinue-theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  for (const other of document.querySelectorAll("[data-theme]")) other.setAttribute("aria-pressed", String(other === button));
  button.closest("[popover]")?.hidePopover();
});
