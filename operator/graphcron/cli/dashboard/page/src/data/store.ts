/** What the page knows, as signals: a view that reads one is drawn again when it changes. */

import { batch, computed, signal } from "@preact/signals";
import type { Change, Due, GraphCron, GraphRun, Load, Server, State, Status } from "../types.ts";
import { healthOf } from "../model/outcomes.ts";
import { matches, rowsOf, wordsOf, type Grouping } from "../model/rows.ts";
import { ms } from "../model/time.ts";
import { around, type Window, ZOOMS } from "../model/window.ts";

/** All of the state but the objects, which change one by one. */
export type About = Omit<State, "graphCrons" | "graphRuns" | "servers" | "now">;

export const about = signal<About | undefined>(undefined);
export const failure = signal("");
export const connection = signal<Status>({ connected: true });
export const crons = signal<ReadonlyMap<string, GraphCron>>(new Map());
export const looseRuns = signal<ReadonlyMap<string, GraphRun>>(new Map());
export const servers = signal<readonly Server[]>([]);
/** The server's time in milliseconds. */
export const now = signal(Date.now());
export const due = signal<Due & { window?: Window }>({ limit: 0, crons: {} });
export const load = signal<Load | undefined>(undefined);
/** Counts changes of anything that future times depend on. */
export const schedulesChanged = signal(0);
/** The newest change in words, for screen readers. */
export const announced = signal("");

export const filter = signal("");
export const grouping = signal<Grouping>("");
export const view = signal<Window>(around(now.peek(), ZOOMS[2].span));
/** Whether the window moves with the time. */
export const follows = signal(true);

const words = computed(() => wordsOf(filter.value));

export const shown = computed(() => {
  const all = [...crons.value.values()];
  return words.value.length ? all.filter((cron) => matches(cron, words.value)) : all;
});

export const shownRuns = computed(() => {
  const all = [...looseRuns.value.values()];
  const has = (run: GraphRun): boolean => {
    const text = `${run.namespace}/${run.name} ${run.server} ${run.target} ${run.outcome} graphrun`.toLowerCase();
    return words.value.every((word) => text.includes(word));
  };
  return words.value.length ? all.filter(has) : all;
});

export const rows = computed(() =>
  rowsOf(shown.value, shownRuns.value, grouping.value, (cron) => healthOf(cron) === "failing"),
);

let ahead = 0;
let still = false;

/** Set the clock by the server's time. An exported page's clock stands still. */
export function setClock(time: string, stands: boolean): void {
  still = stands;
  ahead = ms(time) - Date.now();
  tick();
}

/** Let the time go on. */
export function tick(): void {
  if (still) return;
  const at = Date.now() + ahead;
  const by = at - now.peek();
  batch(() => {
    if (follows.peek()) view.value = { from: view.peek().from + by, to: view.peek().to + by };
    now.value = at;
  });
}

/** Take over a whole state. */
export function setState(state: State): void {
  const { graphCrons, graphRuns, servers: all, now: time, ...rest } = state;
  batch(() => {
    about.value = rest;
    crons.value = new Map(graphCrons.map((cron) => [cron.uid, cron]));
    looseRuns.value = new Map((graphRuns ?? []).map((run) => [run.uid, run]));
    servers.value = all;
    const first = !started;
    started = true;
    if (first) now.value = ms(time);
    setClock(time, rest.readOnly);
    if (first) view.value = around(now.value, ZOOMS[2].span);
    schedulesChanged.value += 1;
    failure.value = "";
  });
}
let started = false;

/** Take over what has changed. */
export function change(changed: Change): void {
  const before = crons.peek();
  const after = new Map(changed.all ? [] : before);
  const told: string[] = [];
  let schedules = Boolean(changed.all || changed.gone?.length || changed.servers);
  for (const cron of changed.set ?? []) {
    const old = before.get(cron.uid);
    after.set(cron.uid, cron);
    schedules ||= !old || scheduleOf(old) !== scheduleOf(cron);
    told.push(...newsOf(old, cron));
  }
  for (const uid of changed.gone ?? []) {
    const old = after.get(uid);
    if (old) told.push(`${old.name} is deleted`);
    after.delete(uid);
  }
  batch(() => {
    crons.value = after;
    if (changed.servers) servers.value = changed.servers;
    if (changed.graphRuns) {
      const runs = new Map(changed.all ? [] : looseRuns.peek());
      for (const run of changed.graphRuns.set ?? []) runs.set(run.uid, run);
      for (const uid of changed.graphRuns.gone ?? []) runs.delete(uid);
      looseRuns.value = runs;
    }
    if (schedules) schedulesChanged.value += 1;
    if (told.length) announced.value = told.length > 3 ? `${told.length} changes` : told.join(". ");
  });
}

/** Return all that the future times of a GraphCron depend on. */
function scheduleOf(cron: GraphCron): string {
  return JSON.stringify([cron.schedules, cron.zone, cron.suspended, cron.stopped, cron.state, cron.server, cron.medianSeconds]);
}

function newsOf(old: GraphCron | undefined, cron: GraphCron): string[] {
  if (!old) return [`${cron.name} is new`];
  const newest = cron.runs[0];
  const news: string[] = [];
  if (newest && newest.id !== old.runs[0]?.id) news.push(`${cron.name}: ${newest.outcome}`);
  if (cron.active.length > old.active.length) news.push(`${cron.name}: a run has started`);
  if (cron.summary && cron.summary !== old.summary) news.push(`${cron.name}: ${cron.summary}`);
  return news;
}
