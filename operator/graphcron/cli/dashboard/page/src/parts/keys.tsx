/** The keys of the whole page, and the list of all keys. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { asked } from "../actions/dialog.tsx";
import { close, place } from "../data/route.ts";
import { onTimelineKey } from "../timeline/tools.tsx";
import { filterWanted } from "./tools.tsx";
import { Modal } from "./modal.tsx";

export const keysShown = signal(false);

const KEYS: [string[], string][] = [
  [["/"], "Filter"],
  [["↑", "↓"], "Move through the rows"],
  [["Enter"], "Open the details of a row"],
  [["Esc"], "Close the details, clear the filter"],
  [["←", "→"], "Timeline: earlier, later; also Shift + wheel, or drag"],
  [["+", "−"], "Timeline: zoom; also Ctrl + wheel"],
  [["1", "…", "5"], "Timeline: hour, 6 hours, day, week, month"],
  [["n"], "Timeline: back to now"],
  [["?"], "This list"],
];

/** Follow the keys that work everywhere. */
export function followKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target as HTMLElement;
    const types = at.matches("input, textarea, select");
    if (types || asked.peek() || keysShown.peek() || document.querySelector("dialog[open]")) return;
    if (event.key === "/") filterWanted.value += 1;
    else if (event.key === "?") keysShown.value = true;
    else if (event.key === "Escape" && place.peek().name) close();
    else {
      const arrow = event.key.startsWith("Arrow");
      if (place.peek().view === "timeline" && !arrow) onTimelineKey(event);
      return;
    }
    event.preventDefault();
  });
}

export function KeysDialog(): JSX.Element | null {
  if (!keysShown.value) return null;
  return (
    <Modal title="Keys" onClose={() => (keysShown.value = false)}>
      <dl class="key-list">
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (key === "…" ? <span key={key}>…</span> : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
