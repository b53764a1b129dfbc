/** What a dialog's fields ask for. */

import type { CommandRequest, Done, Run, Verb } from "../types.ts";
import type { Zone } from "../model/time.ts";

export interface Fields {
  input: string;
  /** As the browser's field has it: a local time without a zone. */
  from: string;
  to: string;
  missing: boolean;
  parallel: string;
}

/** Return what is wrong with a text that should be JSON, or "". */
export function jsonProblem(text: string): string {
  if (!text.trim()) return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `This is not JSON. ${error instanceof Error ? error.message : ""}`;
  }
}

/**
 * Return what is wrong with the fields of an action, or "".
 *
 * @param refused why the user may not run without an input, or ""
 */
export function fieldsProblem(verb: Verb, fields: Fields, refused: string): string {
  if (verb === "run" && !fields.input.trim()) return refused && `This run needs an input: ${refused}.`;
  if (verb === "run") return jsonProblem(fields.input);
  if (verb !== "backfill") return "";
  if (!fields.from) return "Choose when the backfill begins.";
  if (fields.to && fields.to <= fields.from) return "The end must be after the start.";
  return "";
}

/** Return the request of an action. */
export function requestOf(
  action: { verb: Verb; namespace: string; name: string; run?: string },
  fields: Fields,
  zone: Zone,
  now: string,
): CommandRequest {
  const { verb, namespace, name, run } = action;
  const request: CommandRequest = { verb, namespace, name };
  if (verb === "cancel" && run) request.run = run;
  if (verb === "run" && fields.input.trim()) request.input = fields.input.trim();
  if (verb === "backfill") {
    if (fields.from) request.from = utc(fields.from, zone);
    request.to = fields.to ? utc(fields.to, zone) : now;
    request.missing = fields.missing;
    const parallel = Number(fields.parallel);
    if (parallel > 1) request.parallel = parallel;
  }
  return request;
}

/** Return the name by which a command cancels a run of a GraphCron. */
export function runToCancel(run: Run): string {
  return run.job ?? (run.graphRun ? `graphrun/${run.graphRun}` : run.name);
}

/** Return whether a command has failed; one without a code continues. */
export function hasFailed({ code }: Done): boolean {
  return code !== null && code !== 0;
}

/** Return the time of a field in UTC. */
export function utc(field: string, zone: Zone): string {
  const at = new Date(zone === "UTC" ? `${field}Z` : field);
  return Number.isNaN(at.getTime()) ? field : `${at.toISOString().slice(0, 19)}Z`;
}
