/** The place in the page, kept in the address: #view or #view/namespace/name. */

import { signal } from "@preact/signals";

export const VIEWS = ["timeline", "load", "cost", "table"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Place {
  view: ViewName;
  /** The GraphCron whose details are open, or "graphrun" and the one of a GraphRun. */
  namespace?: string;
  name?: string;
  kind?: "graphcron" | "graphrun";
}

export const place = signal<Place>(placeOf(typeof location === "undefined" ? "" : location.hash));

/** Return the place of an address. */
export function placeOf(hash: string): Place {
  const [view, ...rest] = hash.replace(/^#/, "").split("/").map(decoded);
  const known = VIEWS.find((each) => each === view) ?? "timeline";
  const [namespace, name] = rest[0] === "graphrun" && rest.length > 2 ? rest.slice(1) : rest;
  if (!namespace || !name) return { view: known };
  return { view: known, namespace, name, kind: rest.length > 2 ? "graphrun" : "graphcron" };
}

/** Return the address of a place. */
export function hashOf({ view, namespace, name, kind }: Place): string {
  const details = namespace && name ? [...(kind === "graphrun" ? ["graphrun"] : []), namespace, name] : [];
  return `#${[view, ...details].map(encodeURIComponent).join("/")}`;
}

/** Go to a view; details that are open stay open. */
export function goTo(view: ViewName): void {
  location.hash = hashOf({ ...place.peek(), view });
}

/** Open the details of a GraphCron or a GraphRun. */
export function open(namespace: string, name: string, kind: "graphcron" | "graphrun" = "graphcron"): void {
  location.hash = hashOf({ view: place.peek().view, namespace, name, kind });
}

/** Close the details. */
export function close(): void {
  location.hash = hashOf({ view: place.peek().view });
}

/** Follow the address. */
export function followAddress(): void {
  addEventListener("hashchange", () => (place.value = placeOf(location.hash)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
