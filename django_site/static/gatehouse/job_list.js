// The list of all jobs: filters without leaving the page, older jobs as it is scrolled, and what is ticked.
import { createPart } from "./job_ranges.js";
import { choose, pause, renew, say, tellBehind, warnUnshown } from "./live.js";
import { keepLight, showRows } from "./long_list.js";
import { morph } from "./morph.js";
import { showTimes } from "./times.js";
import { fill, gettext } from "./words.js";

const filters = document.getElementById("filters");
const many = document.getElementById("many");
const live = document.getElementById("live-jobs");
const older = document.getElementById("older");
const more = document.getElementById("more");
const TYPED_MS = 350;

// --- Filters ---------------------------------------------------------------
let timer = null;
let asked = 0;
let isShown = true; // what was chosen last: until then nothing is done with the list before

function addressOf(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()));
  return query.size ? `${form.action}?${query}` : form.action;
}

function fillFilters() {
  const query = new URLSearchParams(location.search);
  for (const field of filters.querySelectorAll("[name]")) field.value = query.get(field.name) ?? "";
}

async function view(address, { isNew = true } = {}) {
  const number = (asked += 1);
  isShown = false;
  live.setAttribute("aria-busy", "true");
  const fresh = await choose(address, { background: null });
  if (number !== asked) return;
  isShown = true;
  live.removeAttribute("aria-busy");
  if (!fresh) {
    fillFilters(); // it is refused: they say again what is shown
    watch();
    return;
  }
  older.replaceChildren();
  more.textContent = "";
  if (isNew && address !== location.href) history.pushState(null, "", address);
  const count = live.querySelectorAll(".job-row").length;
  say(count ? fill(gettext("%(count)s shown"), { count }) : gettext("None like this"));
  showCount();
  watch();
}

filters.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  view(addressOf(filters));
});
filters.addEventListener("input", (event) => {
  clearTimeout(timer);
  isShown = false;
  timer = setTimeout(() => view(addressOf(filters)), event.target.type === "search" ? TYPED_MS : 0);
});
addEventListener("popstate", () => {
  clearTimeout(timer);
  fillFilters();
  older.replaceChildren(); // of the view before: the page has another address already
  view(location.href, { isNew: false });
});

// --- Older jobs, as the page is scrolled -----------------------------------
const MORE_AGAIN_MS = 2_000;
let isLoading = false;
let byClock = null; // what the next question's header says
const nextAddress = () => (older.lastElementChild ? older.lastElementChild.dataset.next : live.querySelector("a.older")?.href) || "";

async function loadMore() {
  const address = nextAddress();
  if (isLoading || !address || !isShown) return;
  isLoading = true;
  more.textContent = gettext("Older jobs are loading…");
  const place = new URL(address, location.href);
  place.searchParams.set("larger", "1");
  let isRefused = false;
  try {
    const fresh = await renew(place.href, { background: byClock, whenRefused: () => (isRefused = true) });
    byClock = null;
    await pause();
    if (!fresh) {
      if (!isRefused) setTimeout(loadAgain, MORE_AGAIN_MS);
      return;
    }
    // Else another view was chosen meanwhile: it has its own.
    if (address === nextAddress()) await append(fresh, place);
  } finally {
    isLoading = false;
    more.textContent = nextAddress() || !older.childElementCount ? "" : gettext("There are no older ones.");
  }
  watch();
}

// Nobody need be there: it must not renew their session.
function loadAgain() {
  byClock = "1";
  watch();
}

async function append(fresh, place) {
  const part = createPart(place.href, fresh);
  older.append(part);
  const rows = fresh.querySelector("#live-jobs .jobs");
  if (rows && !(await showRows(part, rows))) return;
  keepLight(part);
  setTimeout(showTimes, 0, part);
  // Not showCount: it looks at every row.
  if (all.checked) {
    all.checked = false;
    all.indeterminate = true;
  }
}

// Tells again whether the end is near, also when it was before.
const observer = new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && loadMore(), { rootMargin: "600px" });
function watch() {
  observer.unobserve(more);
  observer.observe(more);
}

// --- A batch's jobs, within its row -----------------------------------------
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a.opens");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const { href } = link; // the link itself is brought up to date, too
  const { id, dataset: { job } } = link.closest(".job-row");
  const fresh = await renew(within(addressAround(link), href));
  const now = fresh?.getElementById(id);
  // Meanwhile the row may have moved to an older page, or another view may have been chosen.
  const row = document.getElementById(id);
  if (!now || !row) return;
  morph(row, document.importNode(now, true));
  showTimes();
  const part = partOf(row);
  if (part) part.dataset.address = within(part.dataset.address, href);
  else history.replaceState(null, "", within(location.href, href));
  tellBehind(job);
});

const partOf = (place) => place.closest(".page-of-jobs[data-address]");
const addressAround = (place) => partOf(place)?.dataset.address ?? location.href;

// A row that was pushed off the first page still has that page's address.
function within(address, href) {
  const place = new URL(address);
  const opened = new URL(href).searchParams.get("open");
  if (opened) place.searchParams.set("open", opened);
  else place.searchParams.delete("open");
  return place.href;
}

// --- What is ticked --------------------------------------------------------
const all = document.getElementById("all");
const ticks = () => [...document.querySelectorAll(".tick")];

function showCount() {
  const count = document.querySelectorAll(".tick:checked").length;
  const every = document.getElementsByClassName("tick").length;
  many.classList.toggle("some", count > 0);
  document.getElementById("count").textContent = count ? fill(gettext("%(count)s ticked:"), { count }) : "";
  for (const button of many.querySelectorAll("button")) button.hidden = count === 0;
  all.checked = count > 0 && count === every;
  all.indeterminate = count > 0 && count < every;
}

// What stands there is not what was chosen: they would act on it unseen.
function refuseUnshown(event) {
  if (isShown) return;
  event.preventDefault();
  warnUnshown();
}

document.addEventListener("change", (event) => {
  if (event.target === all) for (const each of ticks()) each.checked = all.checked;
  if (event.target === all || event.target.classList.contains("tick")) showCount();
});
document.addEventListener("renewed", showCount);
all.addEventListener("click", refuseUnshown);
many.addEventListener("submit", (event) => {
  refuseUnshown(event);
  many.elements.namedItem("list").value = location.search;
});

all.closest("label").hidden = false;
document.documentElement.classList.add("scrolls");
showCount();
watch();
