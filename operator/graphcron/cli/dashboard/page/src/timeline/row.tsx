/** One row of the timeline: the name, and what the canvas shows as text. */

import type { JSX } from "preact";
import { memo } from "preact/compat";
import { zone } from "../data/settings.ts";
import { now } from "../data/store.ts";
import { open } from "../data/route.ts";
import type { GraphCron } from "../types.ts";
import { stateOf } from "../model/columns.ts";
import { formOf, HEALTH_LABELS, healthOf, lastRun } from "../model/outcomes.ts";
import { counted } from "../model/numbers.ts";
import type { Row } from "../model/rows.ts";
import { distance, duration, moment, ms } from "../model/time.ts";
import { FormIcon, HealthDot } from "../parts/icons.tsx";

interface Props {
  row: Row;
  index: number;
  top: number;
  tabbable: boolean;
  chosen: boolean;
  /** The same function each time: otherwise each row would be drawn again. */
  onFocus: (index: number) => void;
}

export const Cell = memo(function Cell({ row, index, top, tabbable, chosen, onFocus }: Props): JSX.Element {
  const common = {
    role: "row" as const,
    "aria-rowindex": index + 1,
    "data-index": index,
    tabIndex: tabbable ? 0 : -1,
    style: { top: `${top}px` },
    onFocus: () => onFocus(index),
  };
  if (row.kind === "group") {
    return (
      <div {...common} class="row row-group">
        <div role="gridcell" aria-colspan={2}>
          <span class="row-group-label">{row.label}</span>
          <span class="count">{row.crons}</span>
          {row.failing > 0 && <span class="count count-failing">{counted(row.failing, "failing", "failing")}</span>}
        </div>
      </div>
    );
  }
  const object = row.kind === "cron" ? row.cron : row.run;
  const show = (): void => open(object.namespace, object.name, row.kind === "run" ? "graphrun" : "graphcron");
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    show();
  };
  return (
    <div {...common} class={`row ${chosen ? "row-chosen" : ""}`} aria-selected={chosen} onClick={show} onKeyDown={onKeyDown}>
      <div role="gridcell" class="row-name">
        {row.kind === "cron" ? <HealthDot health={healthOf(row.cron)} /> : <FormIcon form={formOf(row.run.outcome)} />}
        <div class="row-text">
          <div class="row-title">{object.name}</div>
          <div class="row-sub">{row.kind === "cron" ? `${row.cron.namespace} · ${row.cron.scheduleText}` : `${object.namespace} · ${row.run.outcome}`}</div>
        </div>
        {row.kind === "cron" && row.cron.active.length > 0 && <span class="chip chip-running">running</span>}
      </div>
      <div role="gridcell" class="row-lane" aria-label={row.kind === "cron" ? inWords(row.cron) : undefined}>
        {row.kind === "cron" && (row.cron.stopped || row.cron.ready === "False") && (
          <span class="row-stopped">{row.cron.ready === "False" ? stateOf(row.cron) : row.cron.stopped}</span>
        )}
      </div>
    </div>
  );
});

/** Return a row of the canvas as text. */
function inWords(cron: GraphCron): string {
  const at = now.peek();
  const last = lastRun(cron);
  const parts = [cron.ready === "False" ? stateOf(cron) : HEALTH_LABELS[healthOf(cron)]];
  if (cron.active.length) parts.push(counted(cron.active.length, "active run"));
  if (last) {
    const took = last.durationSeconds ? ` in ${duration(last.durationSeconds)}` : "";
    parts.push(`last run ${last.outcome}${took}, ${moment(ms(last.scheduledTime ?? last.startTime), at, zone.value)}`);
  } else parts.push("no run yet");
  const next = cron.next[0];
  parts.push(next ? `next ${moment(ms(next), at, zone.value)}, ${distance(ms(next), at)}` : (cron.stopped ?? "nothing is due"));
  return parts.join("; ");
}
