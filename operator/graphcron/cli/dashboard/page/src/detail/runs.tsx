/** The runs of a GraphCron as receipts that open, and the log of a run's pod. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as api from "../data/api.ts";
import { about } from "../data/store.ts";
import { asked, type Asked } from "../actions/dialog.tsx";
import { runToCancel } from "../actions/request.ts";
import { refusal } from "../actions/rights.ts";
import type { GraphCron, Run } from "../types.ts";
import { formOf } from "../model/outcomes.ts";
import { short } from "../model/numbers.ts";
import { Icon } from "../parts/icons.tsx";
import { Modal } from "../parts/modal.tsx";
import { costOf, Receipt, RunHead } from "../parts/receipt.tsx";

const logOf = signal<string | undefined>(undefined);

interface Props {
  cron: GraphCron;
  run: Run;
  opened: boolean;
  onToggle: () => void;
}

export function RunCard({ cron, run, opened, onToggle }: Props): JSX.Element {
  const use = [run.tokens ? `${short(run.tokens)} tok` : "", costOf(run)].filter(Boolean).join(" · ");
  return (
    <li class="run">
      <button type="button" class="run-toggle" aria-expanded={opened} onClick={onToggle}>
        <RunHead run={run} />
        <span class="run-use">{use}</span>
        <Icon name="down" size={12} />
      </button>
      {opened && (
        <div class="run-body">
          <Receipt run={run} />
          <RunButtons run={run} cancel={{ verb: "cancel", namespace: cron.namespace, name: cron.name, run: runToCancel(run) }} />
        </div>
      )}
    </li>
  );
}

/** The buttons of a run: its log, and its cancellation while it is active. */
export function RunButtons({ run, cancel }: { run: Run; cancel: Asked }): JSX.Element | null {
  const refused = refusal(cancel.namespace, "cancel");
  if (about.value?.readOnly) return null;
  return (
    <div class="run-buttons">
      {run.job && (
        <button type="button" class="button button-small" onClick={() => (logOf.value = run.job ?? undefined)}>
          <Icon name="log" size={14} /> Log
        </button>
      )}
      {formOf(run.outcome) === "running" && (
        <button
          type="button"
          class="button button-small"
          aria-disabled={Boolean(refused)}
          title={refused || undefined}
          onClick={() => {
            if (!refused) asked.value = cancel;
          }}
        >
          <Icon name="stop" size={14} /> Cancel this run
        </button>
      )}
    </div>
  );
}

export function LogDialog({ namespace }: { namespace: string }): JSX.Element | null {
  const job = logOf.value;
  return job ? <Log key={job} namespace={namespace} job={job} /> : null;
}

function Log({ namespace, job }: { namespace: string; job: string }): JSX.Element {
  const [text, setText] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.log(namespace, job).then(setText, (error: Error) => setProblem(error.message));
  }, []);
  return (
    <Modal title={`Log of ${job}`} wide onClose={() => (logOf.value = undefined)}>
      {problem && <p class="field-problem">{problem}</p>}
      {text === undefined && !problem && <p class="quiet">Reading the log…</p>}
      {text !== undefined && <pre class="log" tabIndex={0}>{text || "The pod has written nothing."}</pre>}
    </Modal>
  );
}
