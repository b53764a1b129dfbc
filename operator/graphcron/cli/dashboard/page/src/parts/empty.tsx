/** What a view says when it has nothing to show. */

import type { ComponentChildren, JSX } from "preact";
import { about, crons, filter } from "../data/store.ts";

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** No GraphCron is shown: because of the filter, or because there is none. */
export function NothingFound(): JSX.Element {
  if (crons.value.size) {
    return (
      <Empty title="No GraphCron matches the filter">
        <p>All words of “{filter.value}” must occur in its name, namespace, labels, server, schedule, state or last outcome.</p>
        <button type="button" class="button" onClick={() => (filter.value = "")}>
          Clear the filter
        </button>
      </Empty>
    );
  }
  const namespace = about.value?.namespace;
  return (
    <Empty title={namespace ? `There are no GraphCrons in the namespace ${namespace}` : "There are no GraphCrons"}>
      <p>Create one, and it appears here within a second:</p>
      <pre class="command">kubectl graphcron create hello --schedule "H * * * *" --assistant agent | kubectl apply -f -</pre>
      {namespace && (
        <p>
          To see those of all namespaces, start <code>kubectl graphcron dashboard -A</code>.
        </p>
      )}
    </Empty>
  );
}
