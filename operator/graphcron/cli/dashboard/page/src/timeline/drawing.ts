/** What the canvas of the timeline draws for a block of rows. */

import type { DueTimes, Run } from "../types.ts";
import { barsOf, futureOf, type Bar, type Band, type Future } from "../model/marks.ts";
import type { Form } from "../model/outcomes.ts";
import { GROUP_HEIGHT, ROW_HEIGHT, type Row } from "../model/rows.ts";
import type { Window } from "../model/window.ts";
import type { Palette } from "../theme.ts";
import { BAR, NARROWEST } from "./shapes.ts";

export interface Lane {
  row: Row;
  /** The middle, in pixels from the block's top. */
  y: number;
  bars: Bar[];
  future: Future;
}

export interface Scene {
  lanes: Lane[];
  view: Window;
  now: number;
  width: number;
}

const NOTHING: Future = { marks: [], bands: [] };
/** Those that need a look lie on top of the others. */
const ORDER: Form[] = ["succeeded", "unknown", "cancelled", "skipped", "running", "waiting", "overBudget", "failed"];

export interface SceneOf {
  rows: readonly Row[];
  view: Window;
  now: number;
  width: number;
  due: Record<string, DueTimes>;
  /** The end of the time that `due` covers. */
  dueTo: number;
}

/** Return the lanes of some rows. */
export function sceneOf({ rows, view, now, width, due, dueTo }: SceneOf): Scene {
  const scale = (view.to - view.from) / Math.max(1, width);
  const margin = scale * 20;
  const lanes: Lane[] = [];
  let top = 0;
  for (const row of rows) {
    const height = row.kind === "group" ? GROUP_HEIGHT : ROW_HEIGHT;
    const y = top + height / 2;
    top += height;
    if (row.kind === "group") continue;
    const bars = barsOf(runsOf(row), now, view.from - margin, view.to);
    bars.sort((a, b) => ORDER.indexOf(a.form) - ORDER.indexOf(b.form) || a.from - b.from);
    const times = row.kind === "cron" ? due[row.cron.uid] : undefined;
    const future = times && view.to > now ? ahead(times, now, view, dueTo, scale) : NOTHING;
    lanes.push({ row, y, bars, future });
  }
  return { lanes, view, now, width };
}

/** Return the runs of a row, the active ones first. */
export function runsOf(row: Row): readonly Run[] {
  if (row.kind === "group") return [];
  if (row.kind === "run") return [row.run];
  const { active, runs } = row.cron;
  if (!active.length) return runs;
  const known = new Set(active.map((run) => run.id));
  return [...active, ...runs.filter((run) => !known.has(run.id))];
}

function ahead(due: DueTimes, now: number, view: Window, dueTo: number, scale: number): Future {
  const past = due.times.findIndex((at) => at * 1000 > now);
  const passed = past < 0 ? due.times.length : past;
  const rest = passed ? { times: due.times.slice(passed), count: due.count - passed } : due;
  const future = futureOf(rest, Math.max(now, view.from), Math.max(dueTo, now), scale);
  const to = view.to + scale * 20;
  return { marks: future.marks.filter((at) => at <= to), bands: future.bands.filter((band) => band.from <= to) };
}

interface Drawn {
  type: string;
  shape: Record<string, unknown>;
  style: Record<string, unknown>;
  silent: true;
}

/** Return the elements of a scene in pixels. */
export function elementsOf({ lanes, view, width }: Scene, palette: Palette): Drawn[] {
  const scale = (view.to - view.from) / Math.max(1, width);
  const x = (at: number): number => Math.round(((at - view.from) / scale) * 2) / 2;
  const drawn: Drawn[] = [];
  for (const { y, bars, future } of lanes) {
    for (const band of future.bands) drawn.push(...bandElements(band, y, x, width, palette));
    if (future.marks.length) {
      const style = { fill: palette.panel, stroke: palette.quiet, lineWidth: 1.5 };
      drawn.push({ type: "graphcronMarks", shape: { xs: future.marks.map(x), y }, style, silent: true });
    }
    for (const bar of bars) drawn.push(...barElements(bar, y, x, width, palette));
  }
  return drawn;
}

function barElements(bar: Bar, y: number, x: (at: number) => number, width: number, palette: Palette): Drawn[] {
  const from = Math.max(-20, x(bar.from));
  const long = Math.min(width + 20, x(bar.to)) - from;
  const color = palette.forms[bar.form];
  const style: Record<string, unknown> = { fill: color };
  if (bar.form === "cancelled") Object.assign(style, { fill: palette.panel, stroke: color, lineWidth: 1.5 });
  // A thin edge keeps neighbours apart.
  else if (bar.form !== "skipped") Object.assign(style, { stroke: palette.panel, lineWidth: 1 });
  const drawn: Drawn[] = [{ type: "graphcronRun", shape: { form: bar.form, x: from, y, width: long }, style, silent: true }];
  if (bar.form === "running" && long > NARROWEST * 2) {
    drawn.push(hatch({ x: from, y: y - BAR / 2 + 2, width: long, height: BAR - 4 }, "rgba(255, 255, 255, 0.55)"));
  }
  return drawn;
}

function bandElements(band: Band, y: number, x: (at: number) => number, width: number, palette: Palette): Drawn[] {
  const from = Math.max(-20, x(band.from) - 3);
  const long = Math.max(8, Math.min(width + 20, x(band.to) + 3) - from);
  const box = { x: from, y: y - 5.5, width: long, height: 11 };
  const style = { fill: palette.panel, stroke: palette.quiet, lineWidth: 1 };
  return [{ type: "rect", shape: { ...box, r: 3 }, style, silent: true }, hatch(box, palette.quiet)];
}

function hatch(shape: { x: number; y: number; width: number; height: number }, color: string): Drawn {
  return { type: "graphcronHatch", shape, style: { fill: "none", stroke: color, lineWidth: 1 }, silent: true };
}

export type Hit = { bar: Bar } | { band: Band } | { mark: number };

/** Return what is drawn at a point of a lane. */
export function hitOf(lane: Lane, at: number, scale: number): Hit | undefined {
  const near = 4 * scale;
  for (const bar of lane.bars.toReversed()) {
    const end = Math.max(bar.to, bar.from + (bar.form === "skipped" ? 2 : NARROWEST) * scale);
    if (at >= bar.from - near && at <= end + near) return { bar };
  }
  let closest: number | undefined;
  for (const mark of lane.future.marks) {
    if (Math.abs(mark - at) <= near * 1.5 && Math.abs(mark - at) < Math.abs((closest ?? Infinity) - at)) closest = mark;
  }
  if (closest !== undefined) return { mark: closest };
  const band = lane.future.bands.find((each) => at >= each.from - near && at <= each.to + near);
  return band && { band };
}
