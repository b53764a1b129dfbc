/** Shapes of runs: each outcome has its own, so that they are told apart without colour. */

import type { Form } from "../model/outcomes.ts";

type Pen = CanvasPath;

export const BAR = 14;
export const NARROWEST = 6;

export interface RunShape {
  form: Form;
  x: number;
  /** The middle. */
  y: number;
  width: number;
}

/** Draw the outline of a run. */
export function outline(pen: Pen, { form, x, y, width }: RunShape): void {
  const top = y - BAR / 2;
  if (form === "failed") broken(pen, x, y, width);
  else if (form === "waiting") pointed(pen, x, y, width);
  else if (form === "overBudget") stepped(pen, x, y, width);
  else if (form === "skipped") ticked(pen, x, y, width);
  else if (form === "cancelled") pen.rect(x + 0.75, top + 1.75, Math.max(width, NARROWEST) - 1.5, BAR - 3.5);
  else if (form === "running") pen.rect(x, top + 2, Math.max(width, NARROWEST), BAR - 4);
  else pen.rect(x, top, Math.max(width, NARROWEST), BAR);
}

/** A taller bar with a gap, which looks like an exclamation mark when it is narrow. */
function broken(pen: Pen, x: number, y: number, width: number): void {
  const long = Math.max(width, NARROWEST);
  pen.rect(x, y - 12, long, 16);
  pen.rect(x, y + 6, long, 6);
}

/** A bar with pointed ends. */
function pointed(pen: Pen, x: number, y: number, width: number): void {
  const right = x + Math.max(width, NARROWEST + 4);
  pen.moveTo(x, y);
  pen.lineTo(x + 5, y - 8);
  pen.lineTo(right - 5, y - 8);
  pen.lineTo(right, y);
  pen.lineTo(right - 5, y + 8);
  pen.lineTo(x + 5, y + 8);
  pen.closePath();
}

/** A bar with a high end. */
function stepped(pen: Pen, x: number, y: number, width: number): void {
  const right = x + Math.max(width, NARROWEST + 2);
  pen.moveTo(x, y + BAR / 2);
  pen.lineTo(x, y - 1);
  pen.lineTo(right - 4, y - 1);
  pen.lineTo(right - 4, y - 10);
  pen.lineTo(right, y - 10);
  pen.lineTo(right, y + BAR / 2);
  pen.closePath();
}

/** A tick, or two ticks with a line between them for several skipped occurrences. */
function ticked(pen: Pen, x: number, y: number, width: number): void {
  pen.rect(x, y - 6, 2, 12);
  if (width < 5) return;
  pen.rect(x + 2, y - 1, width - 4, 2);
  pen.rect(x + width - 2, y - 6, 2, 12);
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const STEP = 6;

/** Draw diagonal lines that fill a box. */
export function hatched(pen: Pen, { x, y, width, height }: Box): void {
  const right = x + width;
  for (let foot = x - height + STEP; foot < right; foot += STEP) {
    const from = Math.max(foot, x);
    const to = Math.min(foot + height, right);
    pen.moveTo(from, y + height - (from - foot));
    pen.lineTo(to, y + height - (to - foot));
  }
}
