// Serve the page with a made-up cluster, to look at it without Kubernetes: node dev.mjs [--port 8765]
// The number of GraphCrons is part of the address: http://127.0.0.1:8765/?30

import { build } from "esbuild";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf("--port");
const port = at > 0 ? Number(process.argv[at + 1]) : 8765;

const folder = await mkdtemp(join(tmpdir(), "graphcron-dev-"));
const fixtures = join(folder, "fixtures.mjs");
await build({ absWorkingDir: here, entryPoints: ["fixtures.ts"], outfile: fixtures, bundle: true, format: "esm", platform: "node" });
const { worldOf } = await import(pathToFileURL(fixtures).href);

const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
let world = worldOf(30, Date.now());

const RIGHTS = Object.fromEntries(
  ["run", "runWithInput", "suspend", "resume", "cancel", "backfill"].map((verb) => [verb, { allowed: true, reason: null }]),
);

const ROUTES = {
  "/api/state": () => world.state,
  "/api/load": () => world.load(),
  "/api/due": (query) => world.due(Date.parse(query.get("from")) / 1000, Date.parse(query.get("to")) / 1000),
  "/api/rights": (query) =>
    query.get("namespace") === "sales"
      ? { ...RIGHTS, suspend: { allowed: false, reason: "You may not patch graphcrons in the namespace sales." }, runWithInput: { allowed: false, reason: "You may not create graphcrons, so a run has the GraphCron's own input." } }
      : RIGHTS,
  "/api/object": (query) => ({
    yaml: `apiVersion: graphcron.dev/v1alpha1\nkind: GraphCron\nmetadata:\n  name: ${query.get("name")}\n  namespace: ${query.get("namespace")}\nspec:\n  schedule: "0 * * * *"\n  assistant: agent\n`,
    events: [{ time: new Date(Date.now() - 9e5).toISOString(), type: "Warning", reason: "GraphError", message: "The run failed: KeyError: 'messages' <script>alert(1)</script>" }],
  }),
  "/api/command": (_, body) => ({
    command: `kubectl graphcron ${body.verb} ${body.name} -n ${body.namespace}${body.input ? ` --input '${body.input}'` : ""}${body.from ? ` --from ${body.from}` : ""}${body.to ? ` --to ${body.to}` : ""}`,
    argv: [],
  }),
  "/api/execute": (_, body) =>
    body.dryRun
      ? { code: 0, output: "3 runs would start:\n  2026-11-30T07:00:00Z\n  2026-11-30T08:00:00Z\n  2026-11-30T09:00:00Z" }
      : { code: 0, output: `${body.verb}: done` },
};

createServer(async (request, response) => {
  const url = new URL(request.url, `http://127.0.0.1:${port}`);
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("Cache-Control", "no-store");
  const route = ROUTES[url.pathname];
  if (route) {
    let text = "";
    for await (const piece of request) text += piece;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(route(url.searchParams, text ? JSON.parse(text) : undefined)));
  } else if (url.pathname === "/api/log") {
    response.setHeader("Content-Type", "text/plain");
    response.end('{"time":"2026-11-30T17:00:01Z","level":"info","message":"run created"}\n'.repeat(40));
  } else if (url.pathname === "/api/events") {
    response.setHeader("Content-Type", "text/event-stream");
    response.write(`event: status\ndata: {"connected":true,"text":""}\n\n`);
    const timer = setInterval(() => response.write(": ping\n\n"), 15_000);
    request.on("close", () => clearInterval(timer));
  } else {
    if (url.pathname === "/" && url.search) world = worldOf(Number(url.search.slice(1)), Date.now());
    const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
    const type = TYPES[name.split(".").at(-1)];
    const text = type && !name.includes("..") && (await readFile(join(here, "..", "static", name)).catch(() => undefined));
    response.statusCode = text ? 200 : 404;
    if (text) response.setHeader("Content-Type", type);
    response.end(text || "not found");
  }
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/?30`));
