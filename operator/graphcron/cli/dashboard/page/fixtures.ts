/** A made-up cluster of any size for tests and for looking at the page: deterministic, without a network. */

import type { Due, GraphCron, GraphRun, Load, Run, ServerLoad, State } from "./src/types.ts";

const MINUTE = 60_000;
const TEAMS = ["research", "support", "sales", "platform"];
const JOBS = [
  "daily-digest", "inbox-triage", "ticket-summary", "churn-watch", "invoice-check", "release-notes", "lead-scoring",
  "log-review", "price-scan", "kb-refresh", "incident-recap", "survey-themes", "contract-diff", "oncall-handover",
  "forum-monitor", "weekly-report",
];
const SERVERS: [string, number | null][] = [["agents", 8], ["langgraph-batch", 4], ["shared-eu", 20], ["api.example.com:8123", null]];
/** Period in minutes, minute of it, the schedule and its words. */
const SCHEDULES: [number, number, string, string][] = [
  [60, 0, "0 * * * *", "Every hour"],
  [60, 0, "@hourly", "Every hour"],
  [1440, 420, "0 7 * * *", "At 07:00"],
  [1440, 1080, "0 18 * * *", "At 18:00"],
  [15, 0, "*/15 * * * *", "Every 15 minutes"],
  [60, 37, "H * * * *", "At 37 minutes past the hour"],
  [1440, 392, "H 6 * * *", "At 06:32"],
  [360, 30, "30 */6 * * *", "At 30 minutes past every 6th hour"],
  [5, 0, "*/5 * * * *", "Every 5 minutes"],
  [10080, 5760, "0 0 * * MON", "At 00:00, on Monday"],
  [1, 0, "* * * * *", "Every minute"],
];

export interface World {
  state: State;
  due(from: number, to: number): Due;
  load(): Load;
}

/** Return numbers from 0 to 1 that look random and are always the same. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Return a cluster with this many GraphCrons, each with up to 10 runs. */
export function worldOf(count: number, now: number): World {
  const random = randomOf(19);
  const rhythms = new Map<string, [number, number]>();
  const graphCrons: GraphCron[] = [];
  for (let index = 0; index < count; index++) {
    const schedule = SCHEDULES[pick(random, index)] ?? SCHEDULES[0]!;
    const cron = cronOf(index, schedule, random, now);
    if (!cron.suspended && !cron.stopped && cron.ready === "True") rhythms.set(cron.uid, [schedule[0], schedule[1]]);
    graphCrons.push(cron);
  }
  const state: State = {
    version: "0.1.0",
    now: iso(now),
    cluster: "production-eu",
    namespace: null,
    readOnly: false,
    refused: count > 1 && count < 100 ? ["You cannot list GraphServers in all namespaces, so their limits are unknown."] : [],
    graphCrons,
    graphRuns: count > 1 ? looseRuns(now) : [],
    servers: SERVERS.map(([label, limit]) => ({ namespace: "default", name: label, label, maxConcurrentRuns: limit })),
  };
  return {
    state,
    due: (from, to) => dueOf(rhythms, graphCrons, from, to),
    load: () => loadOf(state, rhythms, now),
  };
}

function pick(random: () => number, index: number): number {
  if (index === 0) return 4;
  const value = random();
  return value < 0.3 ? 0 : value < 0.4 ? 1 : Math.floor(random() * SCHEDULES.length);
}

function cronOf(index: number, schedule: [number, number, string, string], random: () => number, now: number): GraphCron {
  const [period, offset, text, words] = schedule;
  const team = TEAMS[Math.floor(index / 5) % TEAMS.length]!;
  const name = JOBS[index % JOBS.length]! + (index >= JOBS.length ? `-${Math.floor(index / JOBS.length) + 1}` : "");
  const uid = `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
  const [server, limit] = SERVERS[index % 7 === 3 ? 1 : index % 11 === 5 ? 3 : index % 3 === 0 ? 2 : 0]!;
  const suspended = index % 13 === 7;
  const ended = index % 29 === 17;
  const broken = index % 17 === 11;
  const median = Math.min(period * 30, Math.round(20 + random() * random() * 1500));
  const runs = runsOf({ name, index, period, offset, median, now, random });
  const paused = index % 19 === 9;
  const running = !suspended && !broken && random() < 0.12;
  const cost = runs.reduce((sum, run) => sum + Number(run.cost ?? 0), 0);
  const tokens = runs.reduce((sum, run) => sum + (run.tokens ?? 0), 0);
  const ahead = suspended || ended || paused ? 0 : Math.floor((1440 * 9) / period);
  const priced = runs.filter((run) => run.tokens).length;
  return {
    uid,
    namespace: team,
    name,
    labels: { team, "app.kubernetes.io/part-of": index % 2 ? "assistants" : "reports" },
    server,
    maxConcurrentRuns: limit,
    target: ["agent", "summarizer", "fe096781-5601-53d2-b2f6-0d3403f7e9ca"][index % 3]!,
    thread: index % 4 === 1 ? "per day" : null,
    schedules: [text],
    zone: index % 2 ? "Europe/Berlin" : "UTC",
    scheduleText: words,
    state: broken ? "InvalidSpec" : paused ? "Paused" : suspended ? "Suspended" : "",
    ready: broken ? "False" : "True",
    summary: broken
      ? 'spec.timeZone "Europe/Berln" is not a time zone. Example: Europe/Berlin'
      : paused
        ? "3 runs in a row have failed. Correct the cause, then run: kubectl graphcron resume"
        : "",
    conditions: [
      broken
        ? { type: "Ready", status: "False", reason: "InvalidSpec", message: 'spec.timeZone "Europe/Berln" is not a time zone. Example: Europe/Berlin', since: iso(now - 4e6) }
        : { type: "Ready", status: "True", reason: suspended ? "Suspended" : "Reconciled", message: suspended ? "No new runs start because spec.suspend is true." : "The CronJob matches the spec.", since: iso(now - 4e8) },
      { type: "LastRunSucceeded", status: runs[0]?.outcome === "Succeeded" ? "True" : "False", reason: runs[0]?.outcome ?? "NoRunYet", message: runs[0]?.message ?? "", since: runs[0]?.completionTime ?? null },
      ...(paused ? [{ type: "Paused", status: "True", reason: "ConsecutiveFailures", message: "3 runs in a row have failed.", since: iso(now - 9e6) }] : []),
    ],
    next: suspended || ended || broken || paused ? [] : timesOf(period, offset, now / 1000, now / 1000 + period * 60 * 6).slice(0, 5).map((at) => iso(at * 1000)),
    stopped: suspended ? "spec.suspend is true" : ended ? "spec.endTime has passed" : paused ? "paused after 3 failures" : null,
    created: iso(now - 3e9),
    suspended,
    medianSeconds: median,
    runs,
    active: running ? [activeRun(name, index, median, now)] : [],
    budget: index % 3 === 0
      ? { window: "day", windowEnd: iso(Math.ceil(now / 864e5) * 864e5), tokens, maxTokens: Math.round((tokens * (1 + random() * 3)) / 1000) * 1000 + 1000, cost: index % 2 ? null : cost.toFixed(4), maxCost: index % 2 ? null : (cost * (0.9 + random() * 3) + 0.1).toFixed(2), maxTokensPerRun: 200_000 }
      : null,
    forecast: { until: endOfMonth(now), runs: ahead, tokens: priced ? Math.round((tokens / priced) * ahead) : null, cost: priced ? ((cost / priced) * ahead).toFixed(4) : null, note: priced ? null : "no ended run to estimate from" },
  };
}

interface Recipe {
  name: string;
  index: number;
  period: number;
  offset: number;
  median: number;
  now: number;
  random: () => number;
}

function runsOf({ name, index, period, offset, median, now, random }: Recipe): Run[] {
  const runs: Run[] = [];
  if (index % 41 === 40) return runs;
  const last = Math.floor((now / MINUTE - offset) / period) * period + offset;
  const sick = index % 9 === 4;
  for (let back = 1; back <= 10; back++) {
    const at = (last - (back - 1) * period) * MINUTE;
    if (at + median * 2000 > now) continue;
    const outcome = outcomeOf(random(), sick && back < 4);
    runs.push(runOf({ name, at, median, outcome, random }));
  }
  return runs;
}

function outcomeOf(value: number, sick: boolean): string {
  if (sick) return value < 0.5 ? "GraphError" : value < 0.75 ? "ServerUnreachable" : "Timeout";
  if (value < 0.82) return "Succeeded";
  return ["Skipped", "Skipped", "GraphError", "Timeout", "Interrupted", "OverBudget", "Cancelled"][Math.floor(((value - 0.82) / 0.18) * 7)]!;
}

const MESSAGES: Record<string, [string, string]> = {
  Skipped: ["PredecessorActive", "An earlier run was still active, and concurrencyPolicy is Forbid."],
  GraphError: ["GraphError", "KeyError: 'messages'"],
  Timeout: ["Timeout", "The run was cancelled after 600 seconds."],
  Interrupted: ["WaitsForAnswer", "The graph stopped at an interrupt and waits for human input."],
  OverBudget: ["LimitReached", "The run used more than 200,000 tokens."],
  Cancelled: ["Cancelled", "A user cancelled the run on the server."],
  ServerUnreachable: ["ServerUnreachable", "POST /threads/…/runs: 503 Service Unavailable"],
};

function runOf({ name, at, median, outcome, random }: { name: string; at: number; median: number; outcome: string; random: () => number }): Run {
  const skipped = outcome === "Skipped";
  const start = at + 1500 + random() * 4000;
  const seconds = Math.round(median * (0.7 + random() * 0.8));
  const tokens = skipped || outcome === "ServerUnreachable" ? null : Math.round(2000 + random() * random() * 60_000);
  const [reason, message] = MESSAGES[outcome] ?? ["", ""];
  const job = `${name}-${Math.round(at / MINUTE)}`;
  return {
    id: job,
    kind: random() < 0.06 ? "GraphRun" : random() < 0.05 ? "Trigger" : "Scheduled",
    name: job,
    graphRun: null,
    scheduledTime: iso(at),
    startTime: skipped ? null : iso(start),
    completionTime: skipped ? null : iso(start + seconds * 1000),
    outcome,
    reason,
    message,
    count: skipped && random() < 0.3 ? 4 : null,
    durationSeconds: skipped ? null : seconds,
    tokens,
    tokensAtLeast: outcome === "Timeout",
    cost: tokens ? (tokens * 0.0000042).toFixed(5) : null,
    runId: skipped ? null : `1f0ccd44-${String(Math.floor(random() * 9000) + 1000)}-6f1e-b6f0-0242ac120002`,
    threadId: skipped ? null : `5b6ab1f5-${String(Math.floor(random() * 9000) + 1000)}-5c3c-9d66-0b3e7f3c2a11`,
    attempts: skipped ? null : 1,
    url: skipped ? null : "https://smith.langchain.com/o/demo/r/1f0ccd44",
    job: skipped ? null : job,
  };
}

function activeRun(name: string, index: number, median: number, now: number): Run {
  const start = now - Math.min(median, 900) * 600;
  return { id: `${name}-active`, kind: "Scheduled", name: `${name}-active`, scheduledTime: iso(start - 2000), startTime: iso(start), outcome: "Running", attempts: 1, job: `${name}-active`, runId: `1f0ccd44-aaaa-6f1e-b6f0-0242ac12${String(index).padStart(4, "0")}`, threadId: "5b6ab1f5-0000-5c3c-9d66-0b3e7f3c2a11" };
}

function looseRuns(now: number): GraphRun[] {
  const random = randomOf(7);
  return ["evaluate-prompts", "import-archive", "rerun-march"].map((name, index) => ({
    ...runOf({ name, at: now - (index * 5 + 1.3) * 36e5, median: 2400, outcome: index === 2 ? "GraphError" : "Succeeded", random }),
    uid: `11111111-0000-4000-8000-00000000000${index}`,
    id: name,
    kind: "GraphRun" as const,
    name,
    graphRun: name,
    namespace: TEAMS[index]!,
    server: "agents",
    target: "agent",
  }));
}

function timesOf(period: number, offset: number, from: number, to: number): number[] {
  const times: number[] = [];
  const first = Math.ceil((from / 60 - offset) / period) * period + offset;
  for (let minute = first; minute * 60 < to; minute += period) times.push(minute * 60);
  return times;
}

function dueOf(rhythms: Map<string, [number, number]>, crons: GraphCron[], from: number, to: number): Due {
  const due: Due = { limit: 300, crons: {} };
  for (const { uid } of crons) {
    const rhythm = rhythms.get(uid);
    // As the server: later than the first time, and not later than the last one.
    const times = rhythm ? timesOf(rhythm[0], rhythm[1], from + 1, to + 1) : [];
    due.crons[uid] = { times: times.slice(0, due.limit), count: times.length };
  }
  return due;
}

function loadOf(state: State, rhythms: Map<string, [number, number]>, now: number): Load {
  const minutes = 1440;
  const start = Math.floor(now / MINUTE) * MINUTE;
  const servers = SERVERS.map(([label, max]): ServerLoad => ({ label, namespace: null, max, starts: new Array(minutes).fill(0), running: new Array(minutes).fill(0) }));
  for (const cron of state.graphCrons) {
    const rhythm = rhythms.get(cron.uid);
    const server = servers.find((each) => each.label === cron.server);
    if (!rhythm || !server) continue;
    const length = (cron.medianSeconds ?? 60) / 60;
    for (const at of timesOf(rhythm[0], rhythm[1], start / 1000, start / 1000 + minutes * 60)) {
      const first = Math.round((at * 1000 - start) / MINUTE);
      server.starts[first] = (server.starts[first] ?? 0) + 1;
      for (let minute = first; minute < Math.min(minutes, first + Math.ceil(length)); minute++) {
        server.running[minute] = (server.running[minute] ?? 0) + Math.min(1, first + length - minute);
      }
    }
  }
  return { start: iso(start), minutes, servers };
}

function endOfMonth(now: number): string {
  const date = new Date(now);
  return iso(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
}

function iso(at: number): string {
  return new Date(Math.round(at / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
