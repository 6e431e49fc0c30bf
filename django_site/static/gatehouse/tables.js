// Tables of a result: what is typed or ticked shows at once, without leaving the page. Without scripts the same form leads
// to the same address.
import { refresh } from "./live.js";

const TYPED_MS = 300;
let timer = null;
let turn = 0;

function addressOf(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  return `${location.pathname}?${query}`;
}

async function showTable(form) {
  clearTimeout(timer);
  const address = addressOf(form);
  const number = (turn += 1);
  if (await refresh(address, { isWanted: () => number === turn })) history.replaceState(null, "", address);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-swap]")) return;
  event.preventDefault();
  showTable(event.target);
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-swap]");
  if (!form) return;
  clearTimeout(timer);
  timer = setTimeout(() => showTable(form), event.target.type === "search" ? TYPED_MS : 0);
});

// What drops down closes by Escape, and when something else is pressed.
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && event.target.closest(".table-tools details[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  for (const each of document.querySelectorAll(".table-tools details[open]")) {
    if (!each.contains(event.target)) each.open = false;
  }
});

document.documentElement.classList.add("scripted");
