/** The timeline: a row for each GraphCron, its past runs, and the times that are due. */

import { signal, useComputed, useSignalEffect } from "@preact/signals";
import type { CanvasHTMLAttributes, ComponentChildren, JSX, RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import * as store from "../data/store.ts";
import { open, place } from "../data/route.ts";
import { offsetsOf, rowAt, type Row } from "../model/rows.ts";
import { Legend } from "../parts/legend.tsx";
import { NothingFound } from "../parts/empty.tsx";
import { palette } from "../theme.ts";
import { Axis, ticks, width } from "./axis.tsx";
import { useDrag, useWheel } from "./gestures.ts";
import { hitOf, paint, sceneOf, type Scene } from "./drawing.ts";
import { Cell } from "./row.tsx";
import { TimelineTip, type Tip } from "./tip.tsx";
import { onTimelineKey, TimelineTools } from "./tools.tsx";

/** Rows drawn above and below the visible ones, so that a scroll has them ready. */
const OVERSCAN = 6;

const tip = signal<Tip | undefined>(undefined);
/** The row that the arrow keys start from. */
const current = signal(0);

/** Draw the timeline. */
export function Timeline(): JSX.Element {
  const rows = store.rows.value;
  if (!rows.length) {
    return (
      <section class="view" aria-label="Timeline">
        <TimelineTools />
        <NothingFound />
      </section>
    );
  }
  return (
    <section class="view" aria-label="Timeline">
      <TimelineTools />
      <Body />
      <Legend />
      <TimelineTip tip={tip} />
    </section>
  );
}

interface Block {
  first: number;
  last: number;
}

/** Draw what does not depend on the window: each part that does is a separate component, so that a zoom draws no row. */
function Body(): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [block, setBlock] = useState<Block>({ first: 0, last: 24 });
  const scene = useRef<Scene | undefined>(undefined);
  const offsets = useComputed(() => offsetsOf(store.rows.value));

  const rows = store.rows.value;
  const heights = offsets.value;
  const last = Math.min(block.last, rows.length - 1);
  const first = Math.min(block.first, last);
  const top = heights[first] ?? 0;
  const slice = useMemo(() => rows.slice(first, last + 1), [rows, first, last]);

  const follow = (): void => {
    const at = scroller.current;
    if (!at) return;
    const visible = { first: rowAt(offsets.peek(), at.scrollTop), last: rowAt(offsets.peek(), at.scrollTop + at.clientHeight) };
    setBlock((before) => {
      const ends = store.rows.peek().length - 1;
      const inside = visible.first >= before.first && Math.min(visible.last, ends) <= before.last;
      return inside && before.last - before.first < (visible.last - visible.first) + 3 * OVERSCAN
        ? before
        : { first: Math.max(0, visible.first - OVERSCAN), last: visible.last + OVERSCAN };
    });
  };

  useLayoutEffect(() => {
    const resize = (): void => {
      follow();
      width.value = canvas.current?.clientWidth ?? 800;
    };
    resize();
    const observer = new ResizeObserver(resize);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(follow, [rows]);

  useWheel(canvas, scroller, () => (tip.value = undefined));
  useDrag(canvas);
  usePlaceInSight(scroller, offsets);

  const point = (event: PointerEvent): void => {
    const at = canvas.current?.getBoundingClientRect();
    const made = scene.current;
    if (!at || !made || event.buttons) return void (tip.value = undefined);
    const lane = made.lanes.find(({ y }) => Math.abs(y - (event.clientY - at.top)) <= 18);
    const scale = (made.view.to - made.view.from) / made.width;
    const hit = lane && hitOf(lane, made.view.from + (event.clientX - at.left) * scale, scale);
    tip.value = hit && lane ? { hit, row: lane.row, x: event.clientX, y: event.clientY } : undefined;
  };
  const pick = (event: MouseEvent): void => {
    const at = canvas.current?.getBoundingClientRect();
    const row = at && rows[rowAt(heights, event.clientY - at.top + top)];
    if (row?.kind === "cron") open(row.cron.namespace, row.cron.name);
    if (row?.kind === "run") open(row.run.namespace, row.run.name, "graphrun");
  };

  const chosen = place.value;
  return (
    <div class="timeline">
      <div class="timeline-head">
        <div class="timeline-corner">
          {store.shown.value.length} {store.shown.value.length === 1 ? "GraphCron" : "GraphCrons"}
        </div>
        <Axis />
      </div>
      <div ref={scroller} class="timeline-scroll" onScroll={follow} onKeyDown={(event) => onRowKey(event, scroller.current, heights)}>
        <Sheet height={heights.at(-1) ?? 0}>
          <div role="grid" aria-label="GraphCrons and their runs" aria-rowcount={rows.length} aria-colcount={2}>
            {slice.map((row, index) => (
              <Cell
                key={row.key}
                row={row}
                index={first + index}
                top={heights[first + index] ?? 0}
                tabbable={Math.min(current.value, rows.length - 1) === first + index}
                chosen={isChosen(row, chosen)}
                onFocus={onFocus}
              />
            ))}
          </div>
          <Lanes
            at={canvas}
            scene={scene}
            rows={slice}
            top={top}
            onPointerMove={point}
            onPointerLeave={() => (tip.value = undefined)}
            onClick={pick}
          />
        </Sheet>
      </div>
    </div>
  );
}

function onFocus(index: number): void {
  current.value = index;
}

/** Draw what lies behind and before the rows and moves with the time. */
function Sheet({ height, children }: { height: number; children: ComponentChildren }): JSX.Element {
  const { from, to } = store.view.value;
  const share = (store.now.value - from) / (to - from);
  const style = { height: `${height}px`, "--now": String(Math.min(1, Math.max(0, share))) };
  return (
    <div class={`timeline-sheet ${share < 0.97 ? "" : "timeline-past"}`} style={style}>
      <div class="timeline-future" aria-hidden="true" />
      {children}
      {share >= 0 && share <= 1 && <div class="now-line" aria-hidden="true" />}
    </div>
  );
}

interface LanesProps extends Pick<CanvasHTMLAttributes, "onPointerMove" | "onPointerLeave" | "onClick"> {
  at: RefObject<HTMLCanvasElement | null>;
  /** What was drawn last, to tell what a point is on. */
  scene: RefObject<Scene | undefined>;
  rows: readonly Row[];
  top: number;
}

/** Draw the runs and the due times of some rows. */
function Lanes({ at, scene, rows, top, ...handlers }: LanesProps): JSX.Element {
  const view = store.view.value;
  const now = store.now.value;
  const due = store.due.value;
  const colors = palette.value;
  const size = width.value;
  const lines = ticks.value;
  const made = useMemo(
    () => sceneOf({ rows, view, now, width: size, lines: lines.map(({ at }) => at), due: due.crons, dueTo: due.window?.to ?? view.to }),
    [rows, view, now, size, lines, due],
  );
  useLayoutEffect(() => {
    scene.current = made;
    if (at.current) paint(at.current, made, colors);
  }, [made, colors]);
  return (
    <canvas
      ref={at}
      class="timeline-canvas"
      role="img"
      aria-label="Runs and due times of the rows; each row's text has its last run and its next time"
      style={{ top: `${top}px`, height: `${made.height}px` }}
      {...handlers}
    />
  );
}

function isChosen(row: Row, chosen: typeof place.value): boolean {
  if (row.kind === "group") return false;
  const object = row.kind === "cron" ? row.cron : row.run;
  return chosen.name === object.name && chosen.namespace === object.namespace && (chosen.kind === "graphrun") === (row.kind === "run");
}

/** Scroll to the row whose details are opened by the address. */
function usePlaceInSight(scroller: { current: HTMLElement | null }, offsets: { peek(): Float64Array }): void {
  useSignalEffect(() => {
    const chosen = place.value;
    if (!chosen.name) return;
    const index = store.rows.peek().findIndex((row) => isChosen(row, chosen));
    const at = scroller.current;
    const top = offsets.peek()[index];
    if (!at || top === undefined) return;
    current.value = index;
    if (top < at.scrollTop || top > at.scrollTop + at.clientHeight - 40) at.scrollTop = Math.max(0, top - at.clientHeight / 3);
  });
}

function onRowKey(event: KeyboardEvent, scroller: HTMLElement | null, offsets: Float64Array): void {
  if (onTimelineKey(event)) return;
  const count = store.rows.peek().length;
  const page = Math.max(1, Math.floor((scroller?.clientHeight ?? 400) / 36) - 1);
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count };
  const step = steps[event.key];
  if (step === undefined || !scroller) return;
  event.preventDefault();
  const index = Math.min(count - 1, Math.max(0, current.peek() + step));
  current.value = index;
  const top = offsets[index] ?? 0;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  const bottom = (offsets[index + 1] ?? 0) - scroller.clientHeight;
  if (bottom > scroller.scrollTop) scroller.scrollTop = bottom;
  // The row may be drawn only after the scroll.
  requestAnimationFrame(() => requestAnimationFrame(() => scroller.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true })));
}

