/** The time axis: the labels above the rows. */

import { computed, signal } from "@preact/signals";
import type { JSX } from "preact";
import { zone } from "../data/settings.ts";
import { now, view } from "../data/store.ts";
import { ticksOf } from "../model/ticks.ts";

/** The width of the rows' part that shows the time, in pixels. */
export const width = signal(800);

export const ticks = computed(() => ticksOf(view.value, width.value, zone.value));

export function Axis(): JSX.Element {
  const { from, to } = view.value;
  const at = now.value;
  const left = (time: number): { left: string } => ({ left: `${((time - from) / (to - from)) * 100}%` });
  return (
    <div class="timeline-axis" aria-hidden="true">
      {ticks.value.map((tick, index) => (
        <span key={index} class={tick.strong ? "tick tick-day" : "tick"} style={left(tick.at)}>
          {tick.label}
        </span>
      ))}
      {at >= from && at <= to && (
        <div class="now-flag" style={left(at)}>
          now
        </div>
      )}
    </div>
  );
}
