/** The tools above the timeline, and its keys. */

import { batch } from "@preact/signals";
import type { JSX } from "preact";
import * as store from "../data/store.ts";
import { zone } from "../data/settings.ts";
import { day, moment } from "../model/time.ts";
import { around, moved, zoomed, zoomOf, type Window, ZOOMS } from "../model/window.ts";
import { Icon } from "../parts/icons.tsx";
import { FilterBox, GroupChoice } from "../parts/tools.tsx";

/** Show another part of time. It moves on with the time only as long as now is in it. */
export function setView(view: Window): void {
  const now = store.now.peek();
  batch(() => {
    store.follows.value = now >= view.from && now <= view.to;
    store.view.value = view;
  });
}

function toNow(span: number): void {
  setView(around(store.now.peek(), span));
}

/** Handle a key; return whether it was one of the timeline's. */
export function onTimelineKey(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const view = store.view.peek();
  const span = view.to - view.from;
  const zoom = ZOOMS[Number(event.key) - 1];
  if (zoom) toNow(zoom.span);
  else if (event.key === "n" || event.key === "0") toNow(span);
  else if (event.key === "ArrowLeft") setView(moved(view, -0.15));
  else if (event.key === "ArrowRight") setView(moved(view, 0.15));
  else if (event.key === "+" || event.key === "=") setView(zoomed(view, 0.7, 0.6));
  else if (event.key === "-") setView(zoomed(view, 1 / 0.7, 0.6));
  else return false;
  event.preventDefault();
  return true;
}

export function TimelineTools(): JSX.Element {
  const view = store.view.value;
  const span = view.to - view.from;
  const name = zoomOf(view);
  const from = moment(view.from, 0, zone.value);
  const to = day(view.from, zone.value) === day(view.to, zone.value) ? moment(view.to, view.from, zone.value) : moment(view.to, 0, zone.value);
  return (
    <div class="tools">
      <FilterBox />
      <GroupChoice />
      <div class="tools-space" />
      <span class="tools-range">
        {from} – {to}
      </span>
      <div class="buttons" role="group" aria-label="Move in time">
        <button type="button" aria-label="Earlier" title="Earlier (←)" onClick={() => setView(moved(view, -0.5))}>
          <Icon name="left" />
        </button>
        <button type="button" title="Back to now (n)" onClick={() => toNow(span)}>
          Now
        </button>
        <button type="button" aria-label="Later" title="Later (→)" onClick={() => setView(moved(view, 0.5))}>
          <Icon name="right" />
        </button>
      </div>
      <div class="buttons" role="group" aria-label="Zoom">
        {ZOOMS.map((zoom, index) => (
          <button
            type="button"
            key={zoom.name}
            aria-pressed={zoom.name === name}
            title={`Show ${zoom.name === "6 hours" ? "" : "one "}${zoom.name} (${index + 1})`}
            onClick={() => toNow(zoom.span)}
          >
            {zoom.label}
          </button>
        ))}
      </div>
    </div>
  );
}
