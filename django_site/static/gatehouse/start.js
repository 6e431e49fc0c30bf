// The form that starts a job: files are uploaded at once, by choosing or dropping them, with a bar each.
import { fill, gettext, language } from "./words.js";

const form = document.getElementById("start");

function listed(list, name, file) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.className = "file-name";
  words.dir = "auto";
  words.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", fill(gettext("Upload of %(name)s"), { name: file.name }));
  const state = document.createElement("span");
  state.className = "help";
  const stop = document.createElement("button");
  stop.type = "button";
  stop.className = "button text";
  stop.textContent = gettext("Remove");
  stop.setAttribute("aria-label", fill(gettext("Remove %(name)s"), { name: file.name }));
  item.append(words, bar, state, stop);
  list.append(item);
  return { item, bar, state, stop };
}

function sizeOf(bytes) {
  const inTenths = { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false };
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toLocaleString(language, inTenths)} MB`;
}

// Why the API did not take a file: in the page's language where it is a usual reason.
function refusalOf(answer) {
  let said = {};
  try {
    said = JSON.parse(answer);
  } catch {
    // not an answer of the API
  }
  const size = sizeOf(Number(/([0-9]+) bytes/.exec(said.detail)?.[1] ?? 0));
  const usual = {
    file_too_large: fill(gettext("The file is too large: it may have at most %(size)s."), { size }),
    too_many_files: gettext("You keep as many uploaded files, or bytes of them, as you may. Delete some."),
    upload_too_slow: gettext("The file came too slowly."),
    not_authenticated: gettext("You were logged out."),
  };
  return usual[said.code] || said.detail || gettext("It could not be uploaded.");
}

function upload(box, input, file) {
  const list = box.querySelector(".uploads");
  if (!input.multiple) list.replaceChildren();
  const { item, bar, state, stop } = listed(list, input.name, file);
  const request = new XMLHttpRequest();
  item.dataset.busy = "";
  request.open("POST", `${form.dataset.upload}?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  const fail = (words) => {
    item.dataset.failed = words;
    bar.remove();
    state.className = "errorlist";
    state.textContent = words;
    need(box, input);
  };
  request.addEventListener("load", () => {
    delete item.dataset.busy;
    if (request.status !== 201) {
      fail(refusalOf(request.responseText));
      return;
    }
    const kept = document.createElement("input");
    kept.type = "hidden";
    kept.name = `${input.name}.uploaded`;
    kept.autocomplete = "off";
    kept.value = JSON.parse(request.responseText).id;
    item.prepend(kept);
    bar.remove();
    state.textContent = fill(gettext("%(size)s, uploaded"), { size: sizeOf(file.size) });
    need(box, input);
    form.dispatchEvent(new Event("input", { bubbles: true }));
  });
  request.addEventListener("error", () => {
    delete item.dataset.busy;
    fail(gettext("The service could not be reached."));
  });
  stop.addEventListener("click", () => {
    request.abort();
    item.remove();
    need(box, input);
    input.focus();
    form.dispatchEvent(new Event("input", { bubbles: true }));
  });
  request.send(file);
}

// A file that is uploaded already fills a field that has to be filled.
function need(box, input) {
  input.required = input.dataset.needed === "" && !box.querySelector("input[type=hidden]");
}

function take(box, input, files) {
  for (const file of input.multiple ? files : [...files].slice(0, 1)) upload(box, input, file);
  input.value = ""; // else the form would carry it a second time
  input.required = false;
}

for (const box of document.querySelectorAll("[data-drop]")) {
  const input = box.querySelector("input[type=file]");
  if (input.required) input.dataset.needed = "";
  input.addEventListener("change", () => take(box, input, [...input.files]));
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(box, input, [...event.dataTransfer.files]);
  });
  const hint = document.createElement("span");
  hint.className = "help";
  hint.textContent = input.multiple ? gettext("or drop files here") : gettext("or drop one here");
  input.after(hint);
}

// What no one sees, of a group that is not given, as in work.css. A browser would let a wrong value there keep the form from being
// sent, without a word.
const NOT_GIVEN = "fieldset.group:has(> .given > input:not(:checked)) > :is(.field:not(.given), fieldset)";

function leaveOutWhatIsNotGiven() {
  for (const field of form.elements) field.disabled = field.closest(NOT_GIVEN) !== null;
}

// Else it would be sent without what was chosen, or typed: a browser has no value for what is no number or no date, and the
// button that shows the form as JSON has it check nothing.
function holdBack(event) {
  const file = [...form.querySelectorAll("[data-busy], [data-failed]")].find((each) => !each.closest(NOT_GIVEN));
  const unread = [...form.elements].find((field) => field.willValidate && field.validity.badInput);
  if (!file && !unread) return;
  event.preventDefault();
  if (!file) {
    unread.reportValidity();
    return;
  }
  const words = file.querySelector(".help, .errorlist");
  words.textContent = "busy" in file.dataset ? gettext("Please wait until it is uploaded.") : `${file.dataset.failed} ${gettext("Nothing was started: remove this file first.")}`;
  file.querySelector("button").focus();
}

if (form) {
  form.addEventListener("submit", holdBack);
  form.addEventListener("change", ({ target }) => target.matches(".given > input") && leaveOutWhatIsNotGiven());
  addEventListener("pageshow", leaveOutWhatIsNotGiven); // also when a browser has put back what was ticked
  leaveOutWhatIsNotGiven();
}
