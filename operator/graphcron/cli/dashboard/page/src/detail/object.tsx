/** The YAML of an object and its Events, read only when asked for. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as api from "../data/api.ts";
import { now } from "../data/store.ts";
import type { ObjectText } from "../types.ts";
import { distance, ms } from "../model/time.ts";
import { CopyButton } from "../parts/copy.tsx";

interface Props {
  part: "YAML" | "Events";
  kind: "graphcron" | "graphrun";
  namespace: string;
  name: string;
}

export function ObjectView({ part, kind, namespace, name }: Props): JSX.Element {
  const [found, setFound] = useState<ObjectText | undefined>(undefined);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let wanted = true;
    setFound(undefined);
    setProblem("");
    api.object(kind, namespace, name).then(
      (text) => wanted && setFound(text),
      (error: Error) => wanted && setProblem(error.message),
    );
    return () => (wanted = false);
  }, [part, kind, namespace, name]);
  if (problem) return <p class="field-problem">{problem}</p>;
  if (!found) return <p class="quiet">Reading the object…</p>;
  if (part === "YAML") {
    return (
      <div class="command-box">
        <pre class="yaml">{found.yaml}</pre>
        <CopyButton text={found.yaml} />
      </div>
    );
  }
  if (!found.events.length) return <p class="quiet">There are no Events. Kubernetes deletes them after an hour.</p>;
  return (
    <ul class="conditions">
      {found.events.map((event, index) => (
        <li key={index}>
          <div class="condition-head">
            <span class="strong">{event.reason}</span>
            {event.type === "Warning" && <span class="chip chip-bad">Warning</span>}
            <span class="quiet">{event.time ? distance(ms(event.time), now.value) : ""}</span>
          </div>
          <div class="condition-text">{event.message}</div>
        </li>
      ))}
    </ul>
  );
}
