/** Round times of the axis: where its labels and the lines behind the rows are. */

import { clock, day, DAY, HOUR, MINUTE, startOfDay, type Zone } from "./time.ts";
import type { Window } from "./window.ts";

export interface Tick {
  at: number;
  label: string;
  /** Whether a day begins among hours. */
  strong: boolean;
}

/** Labels have at least this many pixels each. */
const ROOM = 76;

const STEPS = [MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const DAYS = [1, 2, 4, 7, 14];

/** Return the ticks of a window with a width in pixels. */
export function ticksOf(view: Window, width: number, zone: Zone): Tick[] {
  const least = ((view.to - view.from) / Math.max(1, width)) * ROOM;
  const step = STEPS.find((each) => each >= least);
  const days = DAYS.find((each) => each * DAY >= least) ?? 28;
  const ticks: Tick[] = [];
  // Days are not all of 24 hours: each has its own start.
  for (let start = startOfDay(view.from, zone); start <= view.to; start = startOfDay(start + 1.5 * DAY, zone)) {
    if (!step && dayNumber(start, zone) % days) continue;
    const end = Math.min(view.to, startOfDay(start + 1.5 * DAY, zone) - 1);
    for (let at = start; at <= end; at += step ?? DAY * 2) {
      if (at < view.from) continue;
      const begins = at === start;
      ticks.push({ at, label: begins ? day(at, zone) : clock(at, zone), strong: begins && step !== undefined });
    }
  }
  return ticks;
}

/** Return a number that grows by one each day. */
function dayNumber(start: number, zone: Zone): number {
  const shift = zone === "UTC" ? 0 : new Date(start).getTimezoneOffset() * MINUTE;
  return Math.round((start - shift) / DAY);
}
