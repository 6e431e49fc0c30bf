// Pages that nobody sees, but whose person wants to be told of an end at once: one of them holds a stream for all. A browser has
// six connections to a server for all its tabs, and what such a tab asks by the clock comes late: browsers slow that down.
const NAME = "gatehouse-unseen";

// Call ``act`` with the id of each job that moves, and with "" when it may have been any. Returns a function that ends it.
export function hearUnseen(address, act) {
  const channel = new BroadcastChannel(NAME);
  const over = new AbortController();
  const tell = (job) => {
    act(job);
    channel.postMessage(job);
  };
  channel.addEventListener("message", ({ data }) => act(data));
  const hold = () => new Promise((letGo) => {
    const source = new EventSource(address);
    const close = () => {
      source.close();
      letGo();
    };
    for (const kind of ["ready", "reset"]) source.addEventListener(kind, () => tell(""));
    source.addEventListener("status", ({ data }) => tell(JSON.parse(data).job));
    source.addEventListener("end", ({ data }) => JSON.parse(data).reason !== "stopping" && close());
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && close());
    over.signal.addEventListener("abort", close);
  });
  navigator.locks.request(NAME, { signal: over.signal }, hold).catch(() => {}); // ended before it was this page's turn
  return () => {
    over.abort();
    channel.close();
  };
}
