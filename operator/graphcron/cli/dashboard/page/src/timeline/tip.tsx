/** What the pointer is on: a run as its receipt, a due time, or a dense band. */

import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { zone } from "../data/settings.ts";
import { now } from "../data/store.ts";
import type { Row } from "../model/rows.ts";
import { whole } from "../model/numbers.ts";
import { distance, duration, exact } from "../model/time.ts";
import { Receipt, RunHead } from "../parts/receipt.tsx";
import { Floating } from "../parts/floating.tsx";
import type { Hit } from "./drawing.ts";

export interface Tip {
  hit: Hit;
  row: Row;
  x: number;
  y: number;
}

export function TimelineTip({ tip }: { tip: Signal<Tip | undefined> }): JSX.Element | null {
  const shown = tip.value;
  if (!shown) return null;
  const { hit, row } = shown;
  const name = row.kind === "cron" ? row.cron.name : row.kind === "run" ? row.run.name : "";
  return (
    <Floating x={shown.x} y={shown.y}>
      <div class="tip-title">{name}</div>
      {"bar" in hit && (
        <>
          <RunHead run={hit.bar.run} />
          <Receipt run={hit.bar.run} brief />
        </>
      )}
      {"mark" in hit && (
        <dl class="pairs">
          <dt>Due</dt>
          <dd>{exact(hit.mark, zone.value)}</dd>
          <dt />
          <dd>{distance(hit.mark, now.value)}</dd>
        </dl>
      )}
      {"band" in hit && (
        <dl class="pairs">
          <dt>Due</dt>
          <dd>
            {whole(hit.band.count)} runs, about every {duration((hit.band.to - hit.band.from) / 1000 / Math.max(1, hit.band.count - 1))}
          </dd>
          <dt>From</dt>
          <dd>{exact(hit.band.from, zone.value)}</dd>
          <dt>To</dt>
          <dd>{exact(hit.band.to, zone.value)}</dd>
        </dl>
      )}
    </Floating>
  );
}
