/** What the user may do in a namespace, as the API server answers. */

import { signal } from "@preact/signals";
import type { Right, Rights, Verb } from "../types.ts";
import * as api from "../data/api.ts";
import { about } from "../data/store.ts";

/** The rights by namespace, or why they could not be read. */
const known = signal<Readonly<Record<string, Rights | string>>>({});
const asking = new Set<string>();

/** Ask for the rights in a namespace, also if they are known: they may have changed. */
export function askRights(namespace: string): void {
  if (api.exported || asking.has(namespace)) return;
  asking.add(namespace);
  const take = (answer: Rights | string): void => {
    asking.delete(namespace);
    known.value = { ...known.peek(), [namespace]: answer };
  };
  api.rights(namespace).then(take, (error: Error) => take(error.message));
}

/** Return why an action is not possible, or "". */
export function refusal(namespace: string, right: Right): string {
  if (about.value?.readOnly) return "This page is an export, which shows and changes nothing.";
  const rights = known.value[namespace];
  if (!rights) return "Asking the API server whether you may do this…";
  if (typeof rights === "string") return rights;
  const { allowed, reason } = rights[right] ?? { allowed: false };
  return allowed ? "" : reason || "You have no right to do this.";
}

/** Return why an action is not possible in any way, or "": a run with an input needs another right than one without. */
export function refusalOf(namespace: string, verb: Verb): string {
  const refused = refusal(namespace, verb);
  return verb === "run" && !refusal(namespace, "runWithInput") ? "" : refused;
}
