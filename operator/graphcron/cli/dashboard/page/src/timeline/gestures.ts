/** Zoom and move the timeline with the wheel and by dragging. */

import { useEffect } from "preact/hooks";
import { view } from "../data/store.ts";
import { moved, zoomed, type Window } from "../model/window.ts";
import { setView } from "./tools.tsx";

interface Place {
  readonly current: HTMLElement | null;
}

/** Zoom with Ctrl or a pinch, move sideways with Shift or a sideways wheel; the plain wheel scrolls the rows. */
export function useWheel(canvas: Place, scroller: Place, onMove: () => void): void {
  useEffect(() => {
    const at = scroller.current;
    if (!at) return;
    let waits = 0;
    let pending = view.peek();
    const onWheel = (event: WheelEvent): void => {
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!event.ctrlKey && !event.metaKey && !sideways) return;
      event.preventDefault();
      const lane = canvas.current?.getBoundingClientRect();
      if (!lane) return;
      if (!waits) pending = view.peek();
      if (sideways) pending = moved(pending, (event.deltaX || event.deltaY) / lane.width);
      else pending = zoomed(pending, Math.exp(event.deltaY * 0.002), Math.min(1, Math.max(0, (event.clientX - lane.left) / lane.width)));
      onMove();
      waits ||= requestAnimationFrame(() => {
        waits = 0;
        setView(pending);
      });
    };
    at.addEventListener("wheel", onWheel, { passive: false });
    return () => at.removeEventListener("wheel", onWheel);
  }, []);
}

/** Move the window by dragging. */
export function useDrag(canvas: Place): void {
  useEffect(() => {
    const at = canvas.current;
    if (!at) return;
    let from: { x: number; view: Window } | undefined;
    let dragged = false;
    let waits = 0;
    let x = 0;
    const down = (event: PointerEvent): void => {
      if (event.button) return;
      from = { x: event.clientX, view: view.peek() };
      dragged = false;
    };
    const move = (event: PointerEvent): void => {
      if (!from) return;
      x = event.clientX;
      if (!dragged && Math.abs(x - from.x) < 4) return;
      if (!dragged) at.setPointerCapture(event.pointerId);
      dragged = true;
      waits ||= requestAnimationFrame(() => {
        waits = 0;
        if (from) setView(moved(from.view, (from.x - x) / at.clientWidth));
      });
    };
    const up = (): void => {
      from = undefined;
    };
    // The end of a drag is not a click on a row.
    const click = (event: MouseEvent): void => {
      if (dragged) event.stopPropagation();
      dragged = false;
    };
    at.addEventListener("pointerdown", down);
    at.addEventListener("pointermove", move);
    at.addEventListener("pointerup", up);
    at.addEventListener("pointercancel", up);
    at.addEventListener("click", click, { capture: true });
    return () => {
      at.removeEventListener("pointerdown", down);
      at.removeEventListener("pointermove", move);
      at.removeEventListener("pointerup", up);
      at.removeEventListener("pointercancel", up);
      at.removeEventListener("click", click, { capture: true });
    };
  }, []);
}
