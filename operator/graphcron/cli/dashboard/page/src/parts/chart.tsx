/** One ECharts canvas that follows its element's size. */

import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

// ECharts' own tooltip writes style attributes, which the page's content security policy does not allow.
echarts.use([
  BarChart, CustomChart, LineChart, AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent, CanvasRenderer,
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
  const chart = useChart(element);
  const handlers = useRef({ onPoint, onPick });
  handlers.current = { onPoint, onPick };

  useLayoutEffect(() => {
    chart.current?.setOption(option, { notMerge: true });
  }, [option]);

  useEffect(() => {
    const drawn = chart.current;
    if (!drawn) return;
    const indexAt = (x: number, y: number): number | undefined => {
      if (!drawn.containPixel("grid", [x, y])) return undefined;
      const [index] = drawn.convertFromPixel({ gridIndex: 0 }, [x, y]) as number[];
      return index === undefined ? undefined : Math.round(index);
    };
    const renderer = drawn.getZr();
    renderer.on("mousemove", ({ offsetX, offsetY, event }) => {
      const index = indexAt(offsetX, offsetY);
      const { clientX, clientY } = event as unknown as MouseEvent;
      handlers.current.onPoint?.(index === undefined ? undefined : { index, clientX, clientY });
    });
    renderer.on("globalout", () => handlers.current.onPoint?.(undefined));
    renderer.on("click", ({ offsetX, offsetY }) => {
      const index = indexAt(offsetX, offsetY);
      if (index !== undefined) handlers.current.onPick?.(index);
    });
    return () => handlers.current.onPoint?.(undefined);
  }, []);

  return <div ref={element} class={`chart ${className}`} role="img" aria-label={label} />;
}

/** Return the chart of an element, from its first layout to its end. */
export function useChart(
  element: { readonly current: HTMLElement | null },
  onResize?: (width: number, height: number) => void,
): { current: echarts.ECharts | undefined } {
  const chart = useRef<echarts.ECharts | undefined>(undefined);
  useLayoutEffect(() => {
    const at = element.current;
    if (!at) return;
    const drawn = echarts.init(at, null, { renderer: "canvas" });
    chart.current = drawn;
    const observer = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = at;
      if (width === drawn.getWidth() && height === drawn.getHeight()) return;
      drawn.resize({ width, height });
      onResize?.(width, height);
    });
    observer.observe(at);
    return () => {
      observer.disconnect();
      drawn.dispose();
      chart.current = undefined;
    };
  }, []);
  return chart;
}

export { echarts };
