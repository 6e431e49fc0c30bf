// The docs page without this is complete to read; with it every operation can be tried as who is logged in.
"use strict";

const SHOWN = 200000; // characters of an answer: a page that shows more stops answering itself

function addressOf(form, { withExamples = false } = {}) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.dataset.in === "path") {
      const value = field.value === "" && withExamples ? field.dataset.example : field.value;
      path = path.replace(`{${field.name}}`, () => encodeURIComponent(value));
    } else if (field.dataset.in === "query" && field.value !== "") {
      query.append(field.name, field.value);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

function requestOf(form, signal) {
  const headers = new Headers({ Accept: "application/json, */*;q=0.5" });
  for (const field of form.querySelectorAll("[data-in=header]")) {
    if (field.value !== "") headers.set(field.name, field.value);
  }
  const request = { method: form.dataset.method, headers, signal, credentials: "same-origin", redirect: "manual" };
  const body = form.querySelector(".body");
  const file = form.querySelector(".file");
  if (body) {
    headers.set("Content-Type", "application/json");
    request.body = body.value;
  } else if (file && file.files.length) {
    request.body = file.files[0];
  }
  return request;
}

function readable(text, type) {
  if (!type.includes("json") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Shows a body as it comes: a stream of events never ends by itself.
async function showBody(answer, target) {
  const type = answer.headers.get("Content-Type") || "";
  const isText = type.startsWith("text/") || type.includes("json") || type.includes("xml");
  if (!answer.body || (!isText && type)) {
    target.textContent = answer.body ? `${type}: not shown` : "";
    if (answer.body) await answer.body.cancel();
    return;
  }
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < SHOWN) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    target.textContent = text;
  }
  if (text.length >= SHOWN) await reader.cancel();
  target.textContent = text.length < SHOWN ? readable(text, type) : `${text.slice(0, SHOWN)}\n... and more`;
}

async function send(form) {
  const box = form.querySelector(".answer");
  const stop = form.querySelector(".stop");
  const status = box.querySelector(".status");
  const controller = new AbortController();
  const began = performance.now();
  stop.onclick = () => controller.abort();
  stop.hidden = false;
  box.hidden = false;
  status.textContent = "...";
  for (const part of box.querySelectorAll("pre, .time")) part.textContent = "";
  try {
    const answer = await fetch(addressOf(form), requestOf(form, controller.signal));
    status.textContent = `${answer.status} ${answer.statusText}`;
    status.className = `status ${answer.status < 400 ? "good" : "bad"}`;
    box.querySelector(".time").textContent = `${Math.round(performance.now() - began)} ms`;
    box.querySelector(".headers").textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    await showBody(answer, box.querySelector(".content"));
  } catch (error) {
    if (status.textContent === "...") status.textContent = error.name === "AbortError" ? "stopped" : `no answer: ${error.message}`;
  } finally {
    stop.hidden = true;
  }
}

function chooseExample(select) {
  const form = select.closest("form");
  const chosen = select.selectedOptions[0];
  form.querySelector(".body").value = chosen.dataset.body;
  form.querySelector(".about").textContent = chosen.dataset.about;
  form.querySelector(".takes").href = `#schema-${chosen.value}.arguments`;
  showSnippets(form);
}

function filter(word) {
  for (const item of document.querySelectorAll(".contents li")) {
    const operation = document.getElementById(item.dataset.about);
    const fits = `${item.textContent} ${operation.querySelector("summary").textContent}`.toLowerCase().includes(word);
    item.hidden = operation.hidden = !fits;
  }
  for (const chapter of document.querySelectorAll(".chapter:has(.operation)")) {
    chapter.hidden = !chapter.querySelector(".operation:not([hidden])");
  }
}

// What was opened and closed is so again at the next visit; a browser that keeps nothing forgets it.
const KEPT = "gatehouse-docs-open";

function keptFolds() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) || {};
  } catch {
    return {};
  }
}

function keepFold(details) {
  if (!details.id) return;
  const folds = keptFolds();
  if (details.open === (details.dataset.opens !== undefined)) delete folds[details.id];
  else folds[details.id] = details.open;
  try {
    localStorage.setItem(KEPT, JSON.stringify(folds));
  } catch {
    // It is full, or not for us: nothing depends on it.
  }
}

function restoreFolds() {
  const folds = keptFolds();
  for (const details of document.querySelectorAll("details[id]")) {
    if (details.open) details.dataset.opens = ""; // as the page has it
    if (typeof folds[details.id] === "boolean") details.open = folds[details.id];
  }
}

// A link to an operation or a schema opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    for (let each = target; each; each = each.parentElement.closest("details")) each.open = true;
    target.scrollIntoView();
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target);
});
for (const select of document.querySelectorAll(".example")) select.addEventListener("change", () => chooseExample(select));
document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value.trim().toLowerCase()));
window.addEventListener("hashchange", openTarget);
restoreFolds();
document.addEventListener("toggle", (event) => keepFold(event.target), true);
openTarget();
