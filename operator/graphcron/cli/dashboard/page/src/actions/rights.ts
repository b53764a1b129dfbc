/** What the user may do in a namespace, as the API server answers. */

import { signal } from "@preact/signals";
import type { Right, Rights } from "../types.ts";
import * as api from "../data/api.ts";
import { about } from "../data/store.ts";

const known = signal<Readonly<Record<string, Rights | "asked">>>({});

/** Ask for the rights in a namespace, unless they are known. */
export function askRights(namespace: string): void {
  if (api.exported || known.peek()[namespace]) return;
  known.value = { ...known.peek(), [namespace]: "asked" };
  api.rights(namespace).then(
    (rights) => (known.value = { ...known.peek(), [namespace]: rights }),
    () => {
      const { [namespace]: _, ...rest } = known.peek();
      known.value = rest;
    },
  );
}

/** Return why an action is not possible, or "". */
export function refusal(namespace: string, right: Right): string {
  if (about.value?.readOnly) return "This page is an export, which shows and changes nothing.";
  const rights = known.value[namespace];
  if (!rights || rights === "asked") return "Asking the API server whether you may do this…";
  const { allowed, reason } = rights[right] ?? { allowed: false };
  return allowed ? "" : reason || "You have no right to do this.";
}
