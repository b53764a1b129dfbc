/** What a row of the timeline shows: past runs as bars and ticks, future occurrences as marks or dense bands. */

import type { DueTimes, Run } from "../types.ts";
import { formOf, type Form } from "./outcomes.ts";
import { ms } from "./time.ts";

export interface Bar {
  run: Run;
  form: Form;
  /** Milliseconds. The first of skipped occurrences in one entry, otherwise the start. */
  from: number;
  to: number;
}

/** Occurrences that are too close to each other, at this zoom, to be drawn one by one. */
export interface Band {
  from: number;
  to: number;
  count: number;
}

export interface Future {
  marks: number[];
  bands: Band[];
}

/** Marks nearer to each other than this many pixels become a band. */
export const DENSE = 7;

/** Return the bars of runs that overlap a window. */
export function barsOf(runs: readonly Run[], now: number, from: number, to: number): Bar[] {
  const bars: Bar[] = [];
  for (const run of runs) {
    const bar = barOf(run, now);
    if (bar && bar.to >= from && bar.from <= to) bars.push(bar);
  }
  return bars;
}

/** Return the bar of a run, or nothing if no time of it is known. */
export function barOf(run: Run, now: number): Bar | undefined {
  const form = formOf(run.outcome);
  const first = form === "skipped" ? run.firstScheduledTime : run.startTime;
  const from = [first, run.startTime, run.scheduledTime, run.completionTime].map(ms).find((at) => !Number.isNaN(at));
  if (from === undefined) return undefined;
  const ends = form === "running" ? [now] : [ms(form === "skipped" ? run.scheduledTime : run.completionTime)];
  if (run.durationSeconds && form !== "running") ends.push(from + run.durationSeconds * 1000);
  const end = ends.find((at) => !Number.isNaN(at));
  return { run, form, from, to: Math.max(from, end ?? from) };
}

/** Return the future occurrences of a window, at a scale of milliseconds for each pixel. */
export function futureOf(due: DueTimes, from: number, to: number, scale: number): Future {
  const times = due.times.map((at) => at * 1000);
  const marks: number[] = [];
  const bands: Band[] = [];
  const gap = DENSE * scale;
  let start = 0;
  for (let index = 1; index <= times.length; index++) {
    const previous = times[index - 1] as number;
    const at = times[index];
    if (at !== undefined && at - previous <= gap) continue;
    const size = index - start;
    const first = times[start] as number;
    if (size > 2) bands.push({ from: first, to: previous, count: size });
    else for (let each = start; each < index; each++) marks.push(times[each] as number);
    start = index;
  }
  const cut = due.count - times.length;
  const last = times.at(-1);
  if (cut > 0 && last !== undefined) {
    const open = bands.at(-1);
    if (open?.to === last) {
      open.to = Math.max(to, last);
      open.count += cut;
    } else bands.push({ from: last, to: Math.max(to, last), count: cut });
  }
  return {
    marks: marks.filter((at) => at >= from && at <= to),
    bands: bands.filter((band) => band.to >= from && band.from <= to),
  };
}
