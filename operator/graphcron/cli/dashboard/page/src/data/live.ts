/** Keep the store up to date: the state at the start, then changes as the server sends them. */

import { computed, effect, untracked } from "@preact/signals";
import { DAY, MINUTE } from "../model/time.ts";
import { asked, type Window } from "../model/window.ts";
import type { Change, Status } from "../types.ts";
import * as api from "./api.ts";
import * as store from "./store.ts";

const TICK = 5000;
const SETTLES = 150;

/** Start to follow the cluster. */
export async function follow(): Promise<void> {
  await fetchState();
  effect(keepDue);
  effect(keepLoad);
  if (api.exported) return;
  setInterval(store.tick, TICK);
  listen();
}

async function fetchState(): Promise<void> {
  try {
    store.setState(await api.state());
  } catch (error) {
    store.failure.value = error instanceof Error ? error.message : String(error);
  }
}

function listen(): void {
  const since = store.about.peek()?.version ?? "";
  // After a lost connection, the browser names the last event, and the server sends what has changed since then.
  const events = new EventSource(`/api/events?${new URLSearchParams({ since })}`);
  events.addEventListener("open", () => {
    store.connection.value = { connected: true };
    if (store.failure.peek()) void fetchState();
  });
  events.addEventListener("change", (event) => store.change(JSON.parse(event.data as string) as Change));
  events.addEventListener("status", (event) => {
    store.connection.value = JSON.parse(event.data as string) as Status;
  });
  events.addEventListener("error", () => {
    const text = "The dashboard does not answer. Is kubectl graphcron dashboard still running?";
    store.connection.value = { connected: false, text };
  });
}

let timer: ReturnType<typeof setTimeout> | undefined;
let wanted = "";

/** Ask for the future times of the window when it or a schedule has changed. */
function keepDue(): void {
  const window = asked(store.view.value, store.now.value);
  const key = window ? `${window.from} ${window.to} ${store.schedulesChanged.value}` : "";
  if (!window || key === wanted || !store.about.value) return;
  wanted = key;
  clearTimeout(timer);
  timer = setTimeout(() => void ask(), SETTLES);

  async function ask(): Promise<void> {
    try {
      const due = await api.due(window!);
      if (key === wanted) store.due.value = { ...due, window: api.exported ? exportedWindow() : window! };
    } catch {
      if (key === wanted) wanted = "";
    }
  }
}

function exportedWindow(): Window {
  const from = store.now.peek();
  return { from, to: from + 31 * DAY };
}

let loadTimer: ReturnType<typeof setTimeout> | undefined;
const loadPeriod = computed(() => Math.floor(store.now.value / (5 * MINUTE)));

/** Ask for the load when a schedule has changed, and from time to time, because it begins at the present minute. */
function keepLoad(): void {
  const changes = store.schedulesChanged.value;
  if (!store.about.value || !loadPeriod.value) return;
  clearTimeout(loadTimer);
  loadTimer = setTimeout(() => void ask(), untracked(() => (store.load.value ? 1000 : 0)));

  async function ask(): Promise<void> {
    try {
      const load = await api.load();
      if (changes === store.schedulesChanged.peek()) store.load.value = load;
    } catch {
      // The view keeps the last answer; the connection's state shows that the server does not answer.
    }
  }
}
