// The list of jobs, live; a row's Cancel works without leaving the page.
import { follow, refresh, say, sparingly, visible } from "./live.js";

const soon = sparingly(() => refresh());

function showProgress({ job, progress }) {
  const row = document.getElementById(`row-${job}`);
  if (!row || !progress) return;
  const bar = row.querySelector("progress[value]");
  if (!bar || !progress.total) {
    soon();
    return;
  }
  bar.max = progress.total;
  bar.value = progress.done;
  const count = `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")}`;
  row.querySelector(".progress-words").textContent = progress.message ? `${count} · ${visible(progress.message).slice(0, 200)}` : count;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.closest(".job-row")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const words = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#main > .note");
    say(words?.textContent.trim() || "Cancelled, or asked to stop.");
    await refresh();
  } catch {
    form.submit(); // as without scripts: the page says what is wrong
  }
});

const list = document.querySelector("[data-events]");
if (list) {
  follow(
    list.dataset.events,
    { ready: soon, reset: soon, status: soon, batch: soon, deleted: soon, cancel_requested: soon, report: showProgress },
    soon,
  );
}
