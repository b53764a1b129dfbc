/** A run as a receipt: what it was, how it ended, what it used. */

import type { JSX } from "preact";
import { zone } from "../data/settings.ts";
import { now } from "../data/store.ts";
import type { Run } from "../types.ts";
import { formOf } from "../model/outcomes.ts";
import { amount, money, whole } from "../model/numbers.ts";
import { duration, exact, ms, shortMoment } from "../model/time.ts";
import { FormIcon, Icon } from "./icons.tsx";

const KINDS: Record<Run["kind"], string> = { Scheduled: "schedule", Trigger: "request", GraphRun: "GraphRun" };

/** Return the time that names a run. */
export function timeOf(run: Run): number {
  return ms(run.scheduledTime ?? run.startTime ?? run.completionTime);
}

export function tokensOf(run: Run): string {
  return run.tokens == null ? "" : `${run.tokensAtLeast ? "≥ " : ""}${whole(run.tokens)}`;
}

export function costOf(run: Run): string {
  return run.cost == null ? "" : `${run.tokensAtLeast ? "≥ " : ""}${money(amount(run.cost))}`;
}

/** Return how long a run took, or for how long it has been active. */
export function tookOf(run: Run): string {
  if (run.durationSeconds != null) return duration(run.durationSeconds);
  const start = ms(run.startTime);
  if (formOf(run.outcome) === "running" && !Number.isNaN(start)) return duration((now.value - start) / 1000);
  return "";
}

/** The outcome and the time of a run. */
export function RunHead({ run }: { run: Run }): JSX.Element {
  const form = formOf(run.outcome);
  return (
    <div class="run-head">
      <FormIcon form={form} title="" />
      <span class="run-outcome">
        {run.outcome}
        {run.count ? ` ×${run.count}` : ""}
      </span>
      <span class="run-time">{shortMoment(timeOf(run), now.value, zone.value)}</span>
      <span class="run-took">{tookOf(run)}</span>
    </div>
  );
}

/** All that is known of a run; a brief one leaves out what is only to copy. */
export function Receipt({ run, brief = false }: { run: Run; brief?: boolean }): JSX.Element {
  const link = brief ? undefined : safeLink(run.url);
  return (
    <div class="receipt">
      {run.message && <p class="receipt-message">{run.message}</p>}
      <dl class="pairs">
        {run.reason && run.reason !== run.outcome && <Pair name="Reason">{run.reason}</Pair>}
        {run.firstScheduledTime && <Pair name="First">{exact(ms(run.firstScheduledTime), zone.value)}</Pair>}
        {run.scheduledTime && <Pair name="Scheduled">{exact(ms(run.scheduledTime), zone.value)}</Pair>}
        {run.startTime && <Pair name="Started">{exact(ms(run.startTime), zone.value)}</Pair>}
        {run.completionTime && !brief && <Pair name="Ended">{exact(ms(run.completionTime), zone.value)}</Pair>}
        {tookOf(run) && <Pair name={run.durationSeconds == null ? "Active for" : "Took"}>{tookOf(run)}</Pair>}
        {run.tokens != null && <Pair name="Tokens">{tokensOf(run)}</Pair>}
        {run.cost != null && <Pair name="Cost">{costOf(run)}</Pair>}
        {!brief && <Pair name="Started by">{run.graphRun ? `GraphRun ${run.graphRun}` : KINDS[run.kind]}</Pair>}
        {!brief && (run.attempts ?? 0) > 1 && <Pair name="Attempts">{run.attempts}</Pair>}
        {!brief && run.runId && <Pair name="Run ID" code>{run.runId}</Pair>}
        {!brief && run.threadId && <Pair name="Thread ID" code>{run.threadId}</Pair>}
        {!brief && run.job && <Pair name="Job" code>{run.job}</Pair>}
      </dl>
      {link && (
        <a class="receipt-link" href={link} target="_blank" rel="noopener noreferrer">
          <Icon name="link" size={14} /> Open the run
        </a>
      )}
    </div>
  );
}

function Pair({ name, code = false, children }: { name: string; code?: boolean; children: unknown }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd class={code ? "code" : undefined}>{String(children)}</dd>
    </>
  );
}

/** Return an address if it is one of the web; an object could hold any text. */
export function safeLink(url: string | null | undefined): string | undefined {
  return url && /^https?:\/\//i.test(url) ? url : undefined;
}
