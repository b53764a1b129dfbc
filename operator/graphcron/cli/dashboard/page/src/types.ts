/** What the server sends: the same names, times as RFC 3339 in UTC. An absent value is null or missing. */

export type Time = string;
export type Maybe<T> = T | null | undefined;
/** A decimal, in the currency of the operator's prices. */
export type Money = string | number;

export interface Condition {
  type: string;
  status: string;
  reason?: Maybe<string>;
  message?: Maybe<string>;
  since?: Maybe<Time>;
}

export interface Run {
  id: string;
  kind: "Scheduled" | "Trigger" | "GraphRun";
  name: string;
  graphRun?: Maybe<string>;
  scheduledTime?: Maybe<Time>;
  firstScheduledTime?: Maybe<Time>;
  startTime?: Maybe<Time>;
  completionTime?: Maybe<Time>;
  outcome: string;
  reason?: Maybe<string>;
  message?: Maybe<string>;
  /** How many skipped occurrences one entry stands for. */
  count?: Maybe<number>;
  durationSeconds?: Maybe<number>;
  tokens?: Maybe<number>;
  /** Whether the run may have used more tokens than were counted. */
  tokensAtLeast?: Maybe<boolean>;
  cost?: Maybe<Money>;
  runId?: Maybe<string>;
  threadId?: Maybe<string>;
  attempts?: Maybe<number>;
  url?: Maybe<string>;
  job?: Maybe<string>;
}

export interface Budget {
  window?: Maybe<string>;
  windowEnd?: Maybe<Time>;
  tokens?: Maybe<number>;
  maxTokens?: Maybe<number>;
  cost?: Maybe<Money>;
  maxCost?: Maybe<Money>;
  maxTokensPerRun?: Maybe<number>;
  maxCostPerRun?: Maybe<Money>;
}

export interface Forecast {
  until?: Maybe<Time>;
  runs: number;
  tokens?: Maybe<number>;
  cost?: Maybe<Money>;
  note?: Maybe<string>;
}

export interface GraphCron {
  uid: string;
  namespace: string;
  name: string;
  labels: Record<string, string>;
  server: string;
  maxConcurrentRuns?: Maybe<number>;
  target: string;
  thread?: Maybe<string>;
  schedules: string[];
  zone?: Maybe<string>;
  scheduleText: string;
  state: string;
  ready: string;
  summary: string;
  conditions: Condition[];
  next: Time[];
  stopped?: Maybe<string>;
  created?: Maybe<Time>;
  suspended: boolean;
  medianSeconds?: Maybe<number>;
  /** Newest first. */
  runs: Run[];
  active: Run[];
  budget?: Maybe<Budget>;
  forecast?: Maybe<Forecast>;
}

/** A GraphRun that belongs to no GraphCron. */
export interface GraphRun extends Run {
  uid: string;
  namespace: string;
  server: string;
  target: string;
}

export interface Server {
  namespace?: Maybe<string>;
  name?: Maybe<string>;
  label: string;
  maxConcurrentRuns?: Maybe<number>;
}

export interface State {
  version: string;
  now: Time;
  cluster: string;
  namespace?: Maybe<string>;
  readOnly: boolean;
  refused: string[];
  graphCrons: GraphCron[];
  graphRuns?: GraphRun[];
  servers: Server[];
}

export interface Change {
  /** Whether it is the whole state: what it does not set is gone. */
  all?: boolean;
  set?: GraphCron[];
  gone?: string[];
  servers?: Server[];
  /** Those that are gone are named by their UID. */
  graphRuns?: { set?: GraphRun[]; gone?: string[] };
}

export interface Status {
  connected: boolean;
  text?: Maybe<string>;
}

export interface DueTimes {
  /** Epoch seconds, cut at the end at the answer's limit. */
  times: number[];
  /** All occurrences between the two times. */
  count: number;
}

export interface Due {
  limit: number;
  crons: Record<string, DueTimes>;
}

export interface ServerLoad {
  label: string;
  namespace?: Maybe<string>;
  max?: Maybe<number>;
  /** Starts in each minute from `start`. */
  starts: number[];
  /** Expected runs at once in each minute. */
  running: number[];
}

export interface Load {
  start: Time;
  minutes: number;
  servers: ServerLoad[];
}

export interface ObjectText {
  yaml: string;
  events: { time?: Maybe<Time>; type?: Maybe<string>; reason?: Maybe<string>; message?: Maybe<string> }[];
}

export type Verb = "run" | "suspend" | "resume" | "cancel" | "backfill";
export type Right = Verb | "runWithInput";
export type Rights = Record<Right, { allowed: boolean; reason?: Maybe<string> }>;

export interface CommandRequest {
  verb: Verb;
  namespace: string;
  name: string;
  run?: string;
  input?: string;
  from?: string;
  to?: string;
  missing?: boolean;
  parallel?: number;
}

export interface Command {
  command: string;
  argv: string[];
}

export interface Done {
  /** Nothing: the command continues. */
  code: number | null;
  output: string;
}

/** What an exported page carries. */
export interface Export {
  state: State;
  due: Due & { from?: number; to?: number };
  load: Load;
}
