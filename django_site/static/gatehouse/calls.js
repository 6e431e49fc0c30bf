// The calls beside the form follow what is typed; each can be copied.
import { show } from "./live.js";
import { fill, gettext } from "./words.js";

const SOON_MS = 400;
const form = document.getElementById("start");
let timer = null;
let asked = 0;

async function renew() {
  const number = (asked += 1);
  const data = new FormData(form);
  for (const field of form.querySelectorAll("input[type=file]")) data.delete(field.name);
  data.set("show", "calls");
  try {
    const answer = await fetch(form.action, { method: "POST", body: data, credentials: "same-origin" });
    const html = await answer.text();
    if (!answer.ok || answer.redirected || number !== asked) return;
    show(html);
    addCopyButtons();
  } catch {
    // the next change asks again
  }
}

function copyButton(pre) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button text copy-call";
  button.textContent = gettext("Copy");
  button.setAttribute("aria-label", fill(gettext("Copy the call by %(way)s"), { way: pre.previousElementSibling.textContent }));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = gettext("Copied");
    setTimeout(() => (button.textContent = gettext("Copy")), 2000);
  });
  return button;
}

// The clipboard needs HTTPS or localhost.
function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const pre of document.querySelectorAll("#live-calls pre")) {
    const heading = pre.previousElementSibling;
    if (!heading.querySelector("button")) heading.append(" ", copyButton(pre));
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(renew, SOON_MS);
});
addCopyButtons();
