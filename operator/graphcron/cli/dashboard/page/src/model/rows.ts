/** Rows of the timeline and the table: filtered, grouped, and laid out one below the other. */

import type { GraphCron, GraphRun } from "../types.ts";

export const ROW_HEIGHT = 36;
export const GROUP_HEIGHT = 30;

/** What the GraphRuns that belong to no GraphCron are called together. */
export const LOOSE = "GraphRuns without a GraphCron";

export interface GroupRow {
  kind: "group";
  key: string;
  label: string;
  crons: number;
  failing: number;
}
export interface CronRow {
  kind: "cron";
  key: string;
  cron: GraphCron;
}
export interface RunRow {
  kind: "run";
  key: string;
  run: GraphRun;
}
export type Row = GroupRow | CronRow | RunRow;

/** "" does not group; "label:team" groups by the label "team". */
export type Grouping = "" | "namespace" | "server" | `label:${string}`;

/** Return whether a GraphCron has all words of a filter. */
export function matches(cron: GraphCron, words: readonly string[]): boolean {
  if (!words.length) return true;
  const text = searchable(cron);
  return words.every((word) => text.includes(word));
}

/** Return the words of a filter's text. */
export function wordsOf(filter: string): string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

const texts = new WeakMap<GraphCron, string>();

function searchable(cron: GraphCron): string {
  let text = texts.get(cron);
  if (text === undefined) {
    const labels = Object.entries(cron.labels).map(([key, value]) => `${key}=${value}`);
    const last = cron.runs[0];
    const parts = [cron.namespace, `${cron.namespace}/${cron.name}`, cron.server, cron.target, cron.state, cron.scheduleText];
    parts.push(...cron.schedules, ...labels, last?.outcome ?? "", last?.reason ?? "");
    text = parts.join("\n").toLowerCase();
    texts.set(cron, text);
  }
  return text;
}

/** Return the names of all labels, for the choice of a grouping. */
export function labelKeys(crons: Iterable<GraphCron>): string[] {
  const keys = new Set<string>();
  for (const cron of crons) for (const key of Object.keys(cron.labels)) keys.add(key);
  return [...keys].sort();
}

/** Return the rows of GraphCrons and of the GraphRuns that belong to none. */
export function rowsOf(
  crons: readonly GraphCron[],
  runs: readonly GraphRun[],
  grouping: Grouping,
  failing: (cron: GraphCron) => boolean,
): Row[] {
  const byName = (a: { namespace: string; name: string }, b: { namespace: string; name: string }): number =>
    compare(a.namespace, b.namespace) || compare(a.name, b.name);
  const own = runs.toSorted(byName).map((run): RunRow => ({ kind: "run", key: run.uid, run }));
  const all = crons.toSorted(byName);
  const rows: Row[] = [];
  if (grouping) {
    const groups = new Map<string, GraphCron[]>();
    for (const cron of all) {
      const label = groupOf(cron, grouping);
      const members = groups.get(label);
      if (members) members.push(cron);
      else groups.set(label, [cron]);
    }
    for (const label of [...groups.keys()].sort(lastIfEmpty)) {
      const members = groups.get(label) ?? [];
      rows.push({
        kind: "group",
        key: `group ${label}`,
        label: label || "without this label",
        crons: members.length,
        failing: members.filter(failing).length,
      });
      for (const cron of members) rows.push({ kind: "cron", key: cron.uid, cron });
    }
  } else {
    for (const cron of all) rows.push({ kind: "cron", key: cron.uid, cron });
  }
  if (own.length) {
    rows.push({ kind: "group", key: "group GraphRuns", label: LOOSE, crons: own.length, failing: 0 });
    rows.push(...own);
  }
  return rows;
}

function groupOf(cron: GraphCron, grouping: Grouping): string {
  if (grouping === "namespace") return cron.namespace;
  if (grouping === "server") return cron.server;
  const key = grouping.slice("label:".length);
  return (Object.hasOwn(cron.labels, key) && cron.labels[key]) || "";
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lastIfEmpty(a: string, b: string): number {
  return Number(!a) - Number(!b) || compare(a, b);
}

/** Return the distance of each row from the top, and after the last one the height of all. */
export function offsetsOf(rows: readonly Row[]): Float64Array {
  const offsets = new Float64Array(rows.length + 1);
  rows.forEach((row, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + (row.kind === "group" ? GROUP_HEIGHT : ROW_HEIGHT);
  });
  return offsets;
}

/** Return the index of the row at a distance from the top. */
export function rowAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}
