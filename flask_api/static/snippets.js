// The calls that the docs page shows, filled with what is typed. What stands there at first comes from the server
// (flask_api/openapi/snippets.py), which fills the same templates with examples: keep the two alike.
"use strict";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const LITERALS = { true: "True", false: "False", null: "None" };
// What the command would read as something else than the text that it is.
const NO_WORD = /^(?:[@[{"\s][^]*|-?[0-9.]+(?:e[-+]?[0-9]+)?|true|false|yes|no|on|off|null|)$/i;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const word = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text));

// A value is kept as its JSON: a number as it was typed, for not every one fits into JavaScript's.
const isText = (json) => json.startsWith('"');
const textOf = (json) => (isText(json) ? JSON.parse(json) : json);

function tokensOf(json) {
  return json.match(TOKEN).map((token) => (isText(token) ? JSON.stringify(JSON.parse(token)) : token));
}

const spaced = (tokens) => tokens.map((token) => ({ ",": ", ", ":": ": " })[token] || token).join("");

const literal = (json) => spaced(tokensOf(json).map((token) => LITERALS[token] || token));

// The members of an object, each as one-line JSON by its name. Throws for what is no JSON.
function membersOf(json) {
  JSON.parse(json);
  const members = new Map();
  let depth = 0;
  let name = null;
  let value = [];
  for (const token of tokensOf(json)) {
    if ("}]".includes(token)) depth -= 1;
    if (depth === 0 || (depth === 1 && token === ",")) {
      if (name !== null) members.set(name, spaced(value));
      name = null;
      value = [];
    } else if (name === null) {
      name = JSON.parse(token);
    } else if (depth > 1 || token !== ":") {
      value.push(token);
    }
    if ("{[".includes(token)) depth += 1;
  }
  return members;
}

function givenIn(form) {
  const given = new Map();
  for (const field of form.querySelectorAll("[data-in]")) {
    const typed = field.value === "" ? field.dataset.example || "" : field.value;
    if (typed === "") continue;
    const isNumber = field.dataset.kind === "number" && /^-?\d+(\.\d+)?$/.test(typed);
    given.set(field.name, isNumber ? typed : JSON.stringify(typed));
  }
  const body = form.querySelector(".body");
  const file = form.querySelector(".file");
  if (body) for (const [name, value] of membersOf(body.value)) given.set(name, value);
  else if (file) given.set("file", JSON.stringify(file.files.length ? file.files[0].name : file.dataset.example));
  return given;
}

function words(json) {
  const members = [...membersOf(json)];
  if (members.every(([, value]) => !isText(value) || !NO_WORD.test(textOf(value)))) {
    return members.map(([name, value]) => ` ${word(`${name}=${textOf(value)}`)}`).join("");
  }
  return ` @-\0${spaced(tokensOf(json))}\0`;
}

function optional(names, given) {
  return names.split(",").map((part) => part.split(":")).filter(([key]) => given.has(key)).map(([key, name]) => [name || key, given.get(key)]);
}

function pythonSlot(kind, names, isObject, given) {
  if (!kind) return literal(given.get(names));
  const text = optional(names, given).map(([name, value]) => `${name}=${literal(value)}`).join(", ");
  return text && kind === "&" ? `, ${text}` : text;
}

function commandSlot(kind, names, isObject, given) {
  if (isObject) return words(given.get(names));
  if (!kind) return word(textOf(given.get(names)));
  return optional(names, given).map(([name, value]) => ` --${name.replaceAll("_", "-")} ${word(textOf(value))}`).join("");
}

function filled(template, given, slot) {
  const used = new Set();
  let text = template.replace(/\{([?&]?)([\w:,-]+)(=?)\}/g, (_, kind, names, isObject) => {
    for (const part of names.split(",")) used.add(part.split(":")[0]);
    return slot(kind, names, Boolean(isObject), given);
  });
  if (text.includes("\0")) {
    const [before, piped, after] = text.split("\0");
    text = `printf '%s\\n' ${quoted(piped)} | ${before}${after}`; // echo reads escapes, in zsh and dash
  }
  const left = [...given.keys()].filter((name) => !used.has(name));
  return left.length ? `${text}\n# not in it: ${left.join(", ")}` : text;
}

function curlOf(form) {
  const method = form.dataset.method;
  const { prefix, api } = document.getElementById("content").dataset;
  // What a shell and encodeURIComponent see differently is encoded too: nothing in it means anything between double quotes.
  const address = addressOf(form, { withExamples: true }).slice(prefix.length).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}"$GATEHOUSE_URL${api}${address}"`];
  if (form.dataset.open === undefined) lines.push('-H "Authorization: Bearer $GATEHOUSE_KEY"');
  for (const field of form.querySelectorAll("[data-in=header]")) {
    if (field.value !== "") lines.push(`-H ${quoted(`${field.name}: ${field.value}`)}`);
  }
  const body = form.querySelector(".body");
  const file = form.querySelector(".file");
  if (body) {
    lines.push("-H 'Content-Type: application/json'", `--data-raw ${quoted(body.value)}`);
  } else if (file) {
    const name = file.files.length ? file.files[0].name : file.dataset.example;
    lines.push("-H 'Content-Type: application/octet-stream'", `--data-binary ${word(`@${name}`)}`);
  }
  return lines.join(" \\\n  ");
}

function showSnippets(form) {
  const box = form.closest(".operation").querySelector(".snippets");
  const show = (name, make) => {
    const place = box.querySelector(`.${name}`);
    if (!place) return;
    try {
      place.textContent = make(place.dataset.template);
    } catch {
      place.textContent = "# the body is no JSON yet";
    }
  };
  show("curl", () => curlOf(form));
  show("python", (template) => filled(template, givenIn(form), pythonSlot));
  show("command", (template) => filled(template, givenIn(form), commandSlot));
}

function addCopyButtons() {
  if (!navigator.clipboard) return;
  for (const pre of document.querySelectorAll(".snippets pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    });
    pre.previousElementSibling.append(button);
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form.try");
  if (form) showSnippets(form);
});
addCopyButtons();
