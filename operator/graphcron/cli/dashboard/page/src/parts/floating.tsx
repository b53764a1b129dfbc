/** A box near the pointer that never leaves the page. */

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const DISTANCE = 14;

export function Floating({ x, y, children }: { x: number; y: number; children: ComponentChildren }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 260, height: 120 });
  useLayoutEffect(() => {
    const { offsetWidth: width = 0, offsetHeight: height = 0 } = box.current ?? {};
    if (width !== size.width || height !== size.height) setSize({ width, height });
  });
  const left = x + DISTANCE + size.width > innerWidth - 8 ? x - DISTANCE - size.width : x + DISTANCE;
  const top = Math.max(8, Math.min(y + DISTANCE, innerHeight - size.height - 8));
  return (
    <div ref={box} class="floating" style={{ left: `${Math.max(8, left)}px`, top: `${top}px` }}>
      {children}
    </div>
  );
}
