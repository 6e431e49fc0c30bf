// What the person keeps, asked of the API with this browser's session. Without scripts the panel is a link to the same.
import { fill, gettext, language, number } from "./words.js";

{
  const panel = document.getElementById("usage");
  const words = {
    bytes: [gettext("Jobs"), true],
    ended_jobs: [gettext("Ended jobs"), false],
    unfinished_jobs: [gettext("Unfinished jobs"), false],
    file_bytes: [gettext("Files of jobs"), true],
    uploads: [gettext("Uploaded files"), false],
    upload_bytes: [gettext("Uploaded files, size"), true],
    event_bytes: [gettext("Events"), true],
  };
  const inTenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false });
  const size = (bytes) => (bytes < 1e9 ? `${inTenths.format(bytes / 1e6)} MB` : `${inTenths.format(bytes / 1e9)} GB`);
  const shown = (count, isBytes) => (isBytes ? size(count) : number(count));
  const row = (name, told) => {
    const [word, isBytes] = words[name];
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = word;
    value.textContent = fill(gettext("%(used)s of %(limit)s"), { used: shown(told.used, isBytes), limit: shown(told.limit, isBytes) });
    return [term, value];
  };
  fetch(panel.dataset.from, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
    .then((usage) => {
      const known = Object.keys(words).filter((name) => usage[name]);
      panel.querySelector("dl").append(...known.flatMap((name) => row(name, usage[name])));
      panel.querySelector("dl").hidden = false;
    })
    .catch(() => {}); // the link stays
}
