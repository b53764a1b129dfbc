/** One ECharts canvas that follows its element's size. */

import { BarChart, LineChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent, MarkLineComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

// ECharts' own tooltip writes style attributes, which the page's content security policy does not allow.
echarts.use([
  BarChart, LineChart, AxisPointerComponent, GridComponent, MarkLineComponent, CanvasRenderer,
]);

export type Option = Parameters<echarts.ECharts["setOption"]>[0];

export interface Pointer {
  /** Index of the category under the pointer. */
  index: number;
  clientX: number;
  clientY: number;
}

interface Props {
  option: Option;
  /** What the canvas shows, for screen readers. */
  label: string;
  class?: string;
  onPoint?: (pointer: Pointer | undefined) => void;
  onPick?: (index: number) => void;
}

/** Draw an option with a category axis. */
export function Chart({ option, label, class: className = "", onPoint, onPick }: Props): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | undefined>(undefined);
  const props = useRef({ option, onPoint, onPick });
  props.current = { option, onPoint, onPick };

  useLayoutEffect(() => {
    let observer: ResizeObserver | undefined;
    const forget = inTurn(() => {
      const at = element.current;
      if (!at) return;
      const drawn = echarts.init(at, null, { renderer: "canvas" });
      chart.current = drawn;
      drawn.setOption(props.current.option);
      listen(drawn, props);
      observer = new ResizeObserver(() => {
        const { clientWidth: width, clientHeight: height } = at;
        if (width !== drawn.getWidth() || height !== drawn.getHeight()) drawn.resize({ width, height });
      });
      observer.observe(at);
    });
    return () => {
      forget();
      observer?.disconnect();
      chart.current?.dispose();
      props.current.onPoint?.(undefined);
    };
  }, []);
  useLayoutEffect(() => {
    chart.current?.setOption(option, { notMerge: true });
  }, [option]);

  return <div ref={element} class={`chart ${className}`} role="img" aria-label={label} />;
}

interface Handlers {
  onPoint: Props["onPoint"] | undefined;
  onPick: Props["onPick"] | undefined;
}

function listen(drawn: echarts.ECharts, props: { readonly current: Handlers }): void {
  const indexAt = (x: number, y: number): number | undefined => {
    if (!drawn.containPixel("grid", [x, y])) return undefined;
    const [index] = drawn.convertFromPixel({ gridIndex: 0 }, [x, y]) as number[];
    return index === undefined ? undefined : Math.round(index);
  };
  const renderer = drawn.getZr();
  renderer.on("mousemove", ({ offsetX, offsetY, event }) => {
    const index = indexAt(offsetX, offsetY);
    const { clientX, clientY } = event as unknown as MouseEvent;
    props.current.onPoint?.(index === undefined ? undefined : { index, clientX, clientY });
  });
  renderer.on("globalout", () => props.current.onPoint?.(undefined));
  renderer.on("click", ({ offsetX, offsetY }) => {
    const index = indexAt(offsetX, offsetY);
    if (index !== undefined) props.current.onPick?.(index);
  });
}

const waiting = new Set<() => void>();

/** Make a chart in a separate task, after those before it: a view with many charts is shown at once. */
function inTurn(make: () => void): () => void {
  if (!waiting.size) setTimeout(next);
  waiting.add(make);
  return () => waiting.delete(make);
}

function next(): void {
  const [make] = waiting;
  if (!make) return;
  make();
  waiting.delete(make);
  if (waiting.size) setTimeout(next);
}
