/** The dialog of an action: its fields, the command that it is, and what the command printed. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../data/api.ts";
import { zone } from "../data/settings.ts";
import { now } from "../data/store.ts";
import type { Command, CommandRequest, Done, Verb } from "../types.ts";
import { Icon } from "../parts/icons.tsx";
import { Modal } from "../parts/modal.tsx";
import { CopyButton } from "../parts/copy.tsx";
import { refusal } from "./rights.ts";
import { fieldsProblem, hasFailed, requestOf, type Fields } from "./request.ts";

export interface Asked {
  verb: Verb;
  namespace: string;
  name: string;
  /** The run to cancel. */
  run?: string;
}

/** The action whose dialog is open. */
export const asked = signal<Asked | undefined>(undefined);

const TITLES: Record<Verb, string> = {
  run: "Run now",
  suspend: "Suspend",
  resume: "Resume",
  cancel: "Cancel runs",
  backfill: "Backfill",
};

const MEANINGS: Record<Verb, string> = {
  run: "Starts one run now, even while the GraphCron is suspended or paused. concurrencyPolicy and the budget still apply.",
  suspend: "No new runs start until it is resumed. Active runs continue.",
  resume: "Runs start again at the next scheduled time. Missed times are not made up for.",
  cancel: "Cancels the active runs on the LangGraph server.",
  backfill: "Starts one run for each scheduled time of the past between the two times.",
};

const DONE: Record<Verb, string> = { run: "Run now", suspend: "Suspend", resume: "Resume", cancel: "Cancel the runs", backfill: "Show what would run" };

export function ActionDialog(): JSX.Element | null {
  const action = asked.value;
  return action ? <Open key={JSON.stringify(action)} action={action} /> : null;
}

function Open({ action }: { action: Asked }): JSX.Element {
  const [fields, setFields] = useState<Fields>({ input: "", from: "", to: "", missing: true, parallel: "" });
  const [built, setBuilt] = useState<Command | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const [done, setDone] = useState<(Done & { dryRun: boolean }) | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const wanted = useRef(0);
  const close = (): void => void (asked.value = undefined);

  const invalid = fieldsProblem(action.verb, fields, refusal(action.namespace, action.verb));
  const withInput = action.verb === "run" ? refusal(action.namespace, "runWithInput") : "";
  const [opened] = useState(() => `${new Date(now.peek()).toISOString().slice(0, 19)}Z`);
  const request = requestOf(action, fields, zone.value, opened);
  const text = JSON.stringify(request);

  useEffect(() => {
    setDone(undefined);
    setBuilt(undefined);
    setProblem("");
    if (invalid) return;
    const number = ++wanted.current;
    const timer = setTimeout(() => {
      api.command(JSON.parse(text) as CommandRequest).then(
        (command) => number === wanted.current && setBuilt(command),
        (error: Error) => number === wanted.current && setProblem(error.message),
      );
    }, 120);
    return () => clearTimeout(timer);
  }, [text, invalid]);

  const execute = async (dryRun: boolean): Promise<void> => {
    if (!built) return;
    setBusy(true);
    setProblem("");
    try {
      const answer = await api.execute({ ...request, command: built.command, ...(action.verb === "backfill" ? { dryRun } : {}) });
      setDone({ ...answer, dryRun });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  const over = done && !done.dryRun && !hasFailed(done);
  const checked = done?.dryRun && done.code === 0;
  return (
    <Modal title={`${TITLES[action.verb]}: ${action.name}`} onClose={close}>
      <form
        class="form-fields"
        onSubmit={(event) => {
          event.preventDefault();
          void execute(action.verb === "backfill" && !checked);
        }}
      >
        <p class="quiet">{MEANINGS[action.verb]}</p>
        {action.verb === "run" && <InputField fields={fields} refused={withInput} problem={invalid} onChange={setFields} />}
        {action.verb === "backfill" && <BackfillFields fields={fields} onChange={setFields} />}
        <div>
          <div class="field-label">{over && done.code === 0 ? "This command was executed" : "This command is executed"}</div>
          <div class="command-box">
            <pre class="command">{built?.command ?? ((action.verb === "backfill" && invalid) || (invalid || problem ? "–" : "…"))}</pre>
            {built && <CopyButton text={built.command} />}
          </div>
        </div>
        <div role="status" class="dialog-status">
          {problem && <Result ok={false} text={problem} />}
          {done && <Result ok={!hasFailed(done)} text={done.output || (done.code ? `The command ended with code ${done.code}.` : "Done.")} />}
        </div>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={close}>
            Close
          </button>
          {!over && (
            <button type="submit" class={`button button-primary ${action.verb === "cancel" ? "button-danger" : ""}`} disabled={!built || busy || Boolean(invalid)}>
              {busy ? "Running…" : action.verb === "backfill" && checked ? "Start these runs" : DONE[action.verb]}
            </button>
          )}
        </div>
      </form>
    </Modal>
  );
}

function Result({ ok, text }: { ok: boolean; text: string }): JSX.Element {
  return (
    <div class={`result ${ok ? "" : "result-bad"}`}>
      <Icon name={ok ? "info" : "warn"} size={14} />
      <pre>{text}</pre>
    </div>
  );
}

interface FieldProps {
  fields: Fields;
  onChange: (fields: Fields) => void;
}

function InputField({ fields, refused, problem, onChange }: FieldProps & { refused: string; problem: string }): JSX.Element {
  const invalid = Boolean(problem && fields.input);
  return (
    <label class="field">
      <span class="field-label">
        Input <span class="quiet">as JSON; empty: the GraphCron's own input</span>
      </span>
      <textarea
        rows={5}
        spellcheck={false}
        placeholder='{"messages": [{"role": "user", "content": "…"}]}'
        disabled={Boolean(refused)}
        aria-invalid={invalid}
        aria-describedby="input-problem"
        value={fields.input}
        onInput={(event) => onChange({ ...fields, input: event.currentTarget.value })}
      />
      <span id="input-problem" class={invalid ? "field-problem" : "quiet"}>
        {problem || refused}
      </span>
    </label>
  );
}

function BackfillFields({ fields, onChange }: FieldProps): JSX.Element {
  return (
    <>
      <div class="field-row">
        <label class="field">
          <span class="field-label">From ({zone.value === "UTC" ? "UTC" : "your time"})</span>
          <input type="datetime-local" required value={fields.from} onInput={(event) => onChange({ ...fields, from: event.currentTarget.value })} />
        </label>
        <label class="field">
          <span class="field-label">To <span class="quiet">empty: now</span></span>
          <input type="datetime-local" value={fields.to} onInput={(event) => onChange({ ...fields, to: event.currentTarget.value })} />
        </label>
        <label class="field field-small">
          <span class="field-label">At once</span>
          <input type="number" min={1} max={20} placeholder="1" value={fields.parallel} onInput={(event) => onChange({ ...fields, parallel: event.currentTarget.value })} />
        </label>
      </div>
      <label class="check">
        <input type="checkbox" checked={fields.missing} onChange={(event) => onChange({ ...fields, missing: event.currentTarget.checked })} />
        Only times without a successful run
      </label>
    </>
  );
}
