// Builds `dist/` (or the folder that is named): the same code for `import` and for `require`.
// `dist/` is kept in the repository, so that the package installs from its folder without a
// compiler.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "dist"));
const tsc = join(here, "node_modules", "typescript", "bin", "tsc");

rmSync(out, { recursive: true, force: true });
for (const [project, folder, type] of [
  ["tsconfig.json", "esm", "module"],
  ["tsconfig.cjs.json", "cjs", "commonjs"],
]) {
  const target = join(out, folder);
  mkdirSync(target, { recursive: true });
  execFileSync(process.execPath, [tsc, "-p", join(here, project), "--outDir", target], { stdio: "inherit" });
  writeFileSync(join(target, "package.json"), `{ "type": "${type}" }\n`);
}
