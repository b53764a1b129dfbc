// Bundle the page into ../static: node build.mjs [--check] [--outdir DIR]

import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const at = process.argv.indexOf("--outdir");
const out = at > 0 ? process.argv[at + 1] : join(here, "..", "static");

const built = await build({
  absWorkingDir: here,
  entryPoints: { dashboard: "src/main.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome121", "firefox121", "safari17.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  write: false,
});

const files = new Map(built.outputFiles.map((file) => [file.path.split(/[\\/]/).at(-1), file.text]));
files.set("index.html", await readFile(join(here, "index.html"), "utf8"));
files.set("licenses.txt", await licenses(Object.keys(built.metafile.inputs)));

let stale = 0;
await mkdir(out, { recursive: true });
for (const [name, text] of files) {
  const path = join(out, name);
  if (!check) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    stale += 1;
    console.error(`${path} is stale: run make generate`);
  }
  if (!check) console.log(`${name} ${(Buffer.byteLength(text) / 1000).toFixed(0)} kB`);
}
process.exitCode = stale ? 1 : 0;

/** Return the licences of all packages that are in the bundle. */
async function licenses(inputs) {
  const names = new Set(inputs.map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter(Boolean));
  const texts = ["The dashboard's page contains these packages."];
  for (const name of [...names].sort()) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const found = [];
    for (const file of ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"]) {
      const text = await readFile(join(folder, file), "utf8").catch(() => "");
      if (text) found.push(text.replaceAll("\r\n", "\n").trim());
    }
    texts.push(`${"=".repeat(80)}\n${name} ${version} (${license})\n${"=".repeat(80)}\n${found.join("\n\n")}`);
  }
  return `${texts.join("\n\n")}\n`;
}
