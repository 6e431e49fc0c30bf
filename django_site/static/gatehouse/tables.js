// Tables of a result: what is typed or ticked shows at once, without leaving the page. Without scripts the same form leads
// to the same address.
import { swap } from "./live.js";

const TYPED_MS = 300;
let timer = null;
let isAsking = false;
let wanted = null; // what was typed while the server still looks for what was typed before

function addressOf(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  return `${location.pathname}?${query}`;
}

async function show(address) {
  if (isAsking) {
    wanted = address;
    return;
  }
  isAsking = true;
  try {
    await swap(address, { isWanted: () => wanted === null });
  } finally {
    isAsking = false;
  }
  const next = wanted;
  wanted = null;
  if (next !== null) show(next);
}

function showTable(form) {
  clearTimeout(timer);
  show(addressOf(form));
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
