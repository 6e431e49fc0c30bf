// <button data-copy="id" hidden>: shown where scripts run, copies the field with that id.
import { gettext } from "./words.js";

for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // the clipboard interface needs HTTPS or localhost
    }
    button.textContent = gettext("Copied");
  });
}
