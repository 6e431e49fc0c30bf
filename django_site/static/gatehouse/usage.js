// What the person keeps, asked of the API with this browser's session. Without scripts the panel is a link to the same.
(() => {
  const panel = document.getElementById("usage");
  const words = {
    bytes: ["Jobs", true],
    ended_jobs: ["Ended jobs", false],
    unfinished_jobs: ["Unfinished jobs", false],
    file_bytes: ["Files of jobs", true],
    uploads: ["Uploaded files", false],
    upload_bytes: ["Uploaded files, size", true],
    event_bytes: ["Events", true],
  };
  const size = (bytes) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
  const shown = (number, isBytes) => (isBytes ? size(number) : number.toLocaleString("en"));
  const row = (name, told) => {
    const [word, isBytes] = words[name];
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = word;
    value.textContent = `${shown(told.used, isBytes)} of ${shown(told.limit, isBytes)}`;
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
})();
