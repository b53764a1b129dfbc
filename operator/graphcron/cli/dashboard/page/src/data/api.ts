/** Requests to the server of this page. An exported page has its data in itself and makes none. */

import type { Command, CommandRequest, Done, Due, Export, Load, ObjectText, Rights, State } from "../types.ts";
import type { Window } from "../model/window.ts";

/** A request failed; the message is for the user. */
export class RequestError extends Error {}

export const exported: Export | undefined = embedded();

function embedded(): Export | undefined {
  const text = typeof document === "undefined" ? null : document.getElementById("state")?.textContent;
  return text ? (JSON.parse(text) as Export) : undefined;
}

export async function state(): Promise<State> {
  return exported ? exported.state : json<State>("/api/state");
}

export async function due(window: Window): Promise<Due> {
  if (exported) return exported.due;
  return json<Due>(`/api/due?${query({ from: iso(window.from), to: iso(window.to) })}`);
}

export async function load(): Promise<Load> {
  return exported ? exported.load : json<Load>("/api/load");
}

export async function object(kind: "graphcron" | "graphrun", namespace: string, name: string): Promise<ObjectText> {
  return json<ObjectText>(`/api/object?${query({ kind, namespace, name })}`);
}

export async function log(namespace: string, job: string): Promise<string> {
  return (await answer(`/api/log?${query({ namespace, job })}`)).text();
}

export async function rights(namespace: string): Promise<Rights> {
  return json<Rights>(`/api/rights?${query({ namespace })}`);
}

export async function command(request: CommandRequest): Promise<Command> {
  return json<Command>("/api/command", request);
}

export async function execute(request: CommandRequest & { command: string; dryRun?: boolean }): Promise<Done> {
  return json<Done>("/api/execute", request);
}

async function json<T>(path: string, body?: unknown): Promise<T> {
  return (await (await answer(path, body)).json()) as T;
}

async function answer(path: string, body?: unknown): Promise<Response> {
  // The header cannot be sent by a form or by a page of another origin.
  const headers = { "Content-Type": "application/json", "X-GraphCron": "dashboard" };
  const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new RequestError("The dashboard does not answer. Is kubectl graphcron dashboard still running?");
  }
  if (response.status === 403) {
    throw new RequestError("The dashboard refused the request. Open the address that kubectl graphcron dashboard printed.");
  }
  if (!response.ok) throw new RequestError((await messageOf(response)) || `The dashboard answered ${response.status}.`);
  return response;
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const found = JSON.parse(text) as { error?: unknown };
    if (typeof found.error === "string") return found.error;
  } catch {
    // Not JSON: shown as it is.
  }
  return text.slice(0, 500);
}

function query(values: Record<string, string>): string {
  return new URLSearchParams(values).toString();
}

function iso(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
