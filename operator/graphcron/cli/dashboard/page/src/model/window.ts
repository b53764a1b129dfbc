/** The part of time that the timeline shows. */

import { DAY, HOUR, MINUTE } from "./time.ts";

export interface Window {
  from: number;
  to: number;
}

export const ZOOMS = [
  { name: "hour", label: "1h", span: HOUR },
  { name: "6 hours", label: "6h", span: 6 * HOUR },
  { name: "day", label: "1d", span: DAY },
  { name: "week", label: "1w", span: 7 * DAY },
  { name: "month", label: "1mo", span: 30 * DAY },
] as const;

const SHORTEST = 10 * MINUTE;
const LONGEST = 62 * DAY;
/** Where "now" is from left to right. */
const NOW_AT = 0.6;

/** Return a window of this length around now. */
export function around(now: number, span: number): Window {
  return { from: now - span * NOW_AT, to: now + span * (1 - NOW_AT) };
}

/** Return the window zoomed by a factor; the time at the given share of its width stays in place. */
export function zoomed(view: Window, factor: number, share: number): Window {
  const span = Math.min(LONGEST, Math.max(SHORTEST, (view.to - view.from) * factor));
  const fixed = view.from + (view.to - view.from) * share;
  return { from: fixed - span * share, to: fixed + span * (1 - share) };
}

/** Return the window moved by a share of its width. */
export function moved(view: Window, share: number): Window {
  const by = (view.to - view.from) * share;
  return { from: view.from + by, to: view.to + by };
}

/** Return the name of the zoom with this length, or nothing between two of them. */
export function zoomOf(view: Window): string | undefined {
  const span = view.to - view.from;
  return ZOOMS.find((zoom) => Math.abs(zoom.span - span) < span * 0.01)?.name;
}

/** Return the window to ask future times for: whole pieces, so that small moves need no new answer. */
export function asked(view: Window, now: number): Window | undefined {
  const piece = pieceOf(view.to - view.from);
  const from = Math.max(Math.floor(view.from / piece) * piece, Math.floor(now / (5 * MINUTE)) * 5 * MINUTE);
  const to = Math.ceil(view.to / piece) * piece;
  return to > from ? { from, to } : undefined;
}

function pieceOf(span: number): number {
  return [HOUR, 6 * HOUR, DAY, 7 * DAY].find((piece) => span <= piece * 1.01) ?? 7 * DAY;
}
