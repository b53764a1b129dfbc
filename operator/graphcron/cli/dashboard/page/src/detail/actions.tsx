/** The buttons of a GraphCron's actions; one that is not possible says why. */

import type { JSX } from "preact";
import type { GraphCron, Verb } from "../types.ts";
import { asked } from "../actions/dialog.tsx";
import { refusalOf } from "../actions/rights.ts";
import { Icon, type IconName } from "../parts/icons.tsx";

export function Actions({ cron }: { cron: GraphCron }): JSX.Element {
  const paused = cron.conditions.some(({ type, status }) => type === "Paused" && status === "True");
  return (
    <div class="actions" role="group" aria-label="Actions">
      <Action cron={cron} verb="run" icon="play" primary>Run now</Action>
      {cron.suspended || paused ? (
        <Action cron={cron} verb="resume" icon="play">Resume</Action>
      ) : (
        <Action cron={cron} verb="suspend" icon="pause">Suspend</Action>
      )}
      <Action cron={cron} verb="backfill" icon="rewind">Backfill</Action>
      <Action cron={cron} verb="cancel" icon="stop" impossible={cron.active.length ? "" : "No run is active."}>Cancel</Action>
    </div>
  );
}

interface ActionProps {
  cron: GraphCron;
  verb: Verb;
  icon: IconName;
  primary?: boolean;
  impossible?: string;
  children: string;
}

function Action({ cron, verb, icon, primary = false, impossible = "", children }: ActionProps): JSX.Element {
  const reason = refusalOf(cron.namespace, verb) || impossible;
  // aria-disabled keeps the button in the order of the Tab key, so that its reason can be read.
  return (
    <button
      type="button"
      class={`button ${primary ? "button-primary" : ""}`}
      aria-disabled={Boolean(reason)}
      aria-description={reason || undefined}
      title={reason || undefined}
      onClick={() => {
        if (!reason) asked.value = { verb, namespace: cron.namespace, name: cron.name };
      }}
    >
      <Icon name={icon} size={14} />
      {children}
    </button>
  );
}
