/** What the canvas of the timeline draws for a block of rows. */

import type { DueTimes, Run } from "../types.ts";
import { barsOf, futureOf, type Bar, type Band, type Future } from "../model/marks.ts";
import type { Form } from "../model/outcomes.ts";
import { GROUP_HEIGHT, ROW_HEIGHT, type Row } from "../model/rows.ts";
import type { Window } from "../model/window.ts";
import type { Palette } from "../theme.ts";
import { BAR, hatched, NARROWEST, outline, type Box } from "./shapes.ts";

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
  height: number;
  /** Times of the vertical lines behind the rows. */
  lines: readonly number[];
}

const NOTHING: Future = { marks: [], bands: [] };
/** Those that need a look lie on top of the others. */
const ORDER: Form[] = ["succeeded", "unknown", "cancelled", "skipped", "running", "waiting", "overBudget", "failed"];

export interface SceneOf {
  rows: readonly Row[];
  view: Window;
  now: number;
  width: number;
  lines: readonly number[];
  due: Record<string, DueTimes>;
  /** The end of the time that `due` covers. */
  dueTo: number;
}

/** Return the lanes of some rows. */
export function sceneOf({ rows, view, now, width, lines, due, dueTo }: SceneOf): Scene {
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
  return { lanes, view, now, width, height: top, lines };
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

/** Draw a scene; the canvas gets the size of the scene on this screen. */
export function paint(canvas: HTMLCanvasElement, { lanes, view, width, height, lines }: Scene, palette: Palette): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const dots = window.devicePixelRatio || 1;
  fit(canvas, Math.round(width * dots), Math.round(height * dots));
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  const scale = (view.to - view.from) / Math.max(1, width);
  const x = (at: number): number => Math.round(((at - view.from) / scale) * 2) / 2;
  pen.fillStyle = palette.faint;
  for (const at of lines) pen.fillRect(Math.round(x(at)), 0, 1, height);
  for (const { y, bars, future } of lanes) {
    for (const band of future.bands) paintBand(pen, band, y, x, width, palette);
    if (future.marks.length) paintMarks(pen, future.marks.map(x), y, palette);
    for (const bar of bars) paintBar(pen, bar, y, x, width, palette);
  }
}

/** Set the size only if it is another one: each time, the browser makes a new canvas. */
function fit(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

type Pen = CanvasRenderingContext2D;

function paintMarks(pen: Pen, xs: readonly number[], y: number, palette: Palette): void {
  pen.beginPath();
  for (const x of xs) {
    pen.moveTo(x + 3.5, y);
    pen.arc(x, y, 3.5, 0, Math.PI * 2);
  }
  finish(pen, palette.panel, palette.quiet, 1.5);
}

function paintBar(pen: Pen, bar: Bar, y: number, x: (at: number) => number, width: number, palette: Palette): void {
  const from = Math.max(-20, x(bar.from));
  const long = Math.min(width + 20, x(bar.to)) - from;
  const color = palette.forms[bar.form];
  pen.beginPath();
  outline(pen, { form: bar.form, x: from, y, width: long });
  if (bar.form === "cancelled") finish(pen, palette.panel, color, 1.5);
  else if (bar.form === "skipped") finish(pen, color);
  // A thin edge keeps neighbours apart.
  else finish(pen, color, palette.panel, 1);
  if (bar.form === "running" && long > NARROWEST * 2) {
    hatch(pen, { x: from, y: y - BAR / 2 + 2, width: long, height: BAR - 4 }, "rgba(255, 255, 255, 0.55)");
  }
}

function paintBand(pen: Pen, band: Band, y: number, x: (at: number) => number, width: number, palette: Palette): void {
  const from = Math.max(-20, x(band.from) - 3);
  const box = { x: from, y: y - 5.5, width: Math.max(8, Math.min(width + 20, x(band.to) + 3) - from), height: 11 };
  pen.beginPath();
  pen.roundRect(box.x, box.y, box.width, box.height, 3);
  finish(pen, palette.panel, palette.quiet, 1);
  hatch(pen, box, palette.quiet);
}

function hatch(pen: Pen, box: Box, color: string): void {
  pen.beginPath();
  hatched(pen, box);
  pen.lineWidth = 1;
  pen.strokeStyle = color;
  pen.stroke();
}

function finish(pen: Pen, fill: string, stroke?: string, lineWidth = 1): void {
  pen.fillStyle = fill;
  pen.fill();
  if (!stroke) return;
  pen.lineWidth = lineWidth;
  pen.strokeStyle = stroke;
  pen.stroke();
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
