// Opens the downloaded notebooks in JupyterLab: node lab.mjs SITE [SCREENSHOTS]
//
// They come with outputs, and from a machine that Jupyter does not know, so it does not trust them and shows nothing
// that could run. Fails if a figure of theirs is missing all the same. PYTHON names the interpreter with JupyterLab,
// BROWSER Chromium (default: /usr/bin/chromium).

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

import playwright from "playwright-core";

const site = resolve(process.argv[2]);
const screenshots = process.argv[3] && resolve(process.argv[3]);
const executablePath = process.env.BROWSER ?? "/usr/bin/chromium";
const python = process.env.PYTHON ?? "python3";

const folder = mkdtempSync(join(tmpdir(), "lab-"));
const settings = join(folder, "settings");
const setting = (name, value) => {
  mkdirSync(join(settings, "@jupyterlab", name, ".."), { recursive: true });
  writeFileSync(join(settings, "@jupyterlab", name), JSON.stringify(value));
};
// Every cell is drawn, not those alone that the window shows.
setting("notebook-extension/tracker.jupyterlab-settings", { windowingMode: "none" });
setting("apputils-extension/notification.jupyterlab-settings", { fetchNews: "false", checkForUpdates: false });
const theme = (name) => setting("apputils-extension/themes.jupyterlab-settings", { theme: name });

// Sphinx gives each download a folder of its own.
const downloads = readdirSync(site, { recursive: true }).filter((name) => /^_downloads\/.*\.ipynb$/.test(name));
for (const name of downloads) cpSync(join(site, name), join(folder, basename(name)));
const notebooks = downloads.map((name) => basename(name)).sort();

/** How many figures the outputs of a notebook have. */
function figuresOf(name) {
  const { cells } = JSON.parse(readFileSync(join(folder, name), "utf8"));
  const outputs = cells.flatMap((cell) => cell.outputs ?? []);
  return outputs.filter(({ data }) => data && (data["image/svg+xml"] || data["image/png"])).length;
}

const port = await new Promise((done) => {
  const free = createServer().listen(0, "127.0.0.1", () => {
    const { port } = free.address();
    free.close(() => done(port));
  });
});
const lab = spawn(python, ["-m", "jupyterlab", "--no-browser", `--port=${port}`, "--ServerApp.port_retries=0",
  "--IdentityProvider.token=test", `--ServerApp.root_dir=${folder}`, "--expose-app-in-browser",
  "--ServerApp.allow_root=True", `--LabApp.workspaces_dir=${folder}/workspaces`, `--LabApp.user_settings_dir=${settings}`],
{ stdio: "ignore" });
const faults = [];
const browser = await playwright.chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const address = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    if (await fetch(`${address}/api?token=test`).then((answer) => answer.ok, () => false)) break;
    if (tries === 120) throw new Error("JupyterLab did not start");
    await new Promise((done) => setTimeout(done, 500));
  }
  // One look is enough to count; pictures are wanted of all.
  const looks = screenshots
    ? ["JupyterLab Light", "JupyterLab Dark"].flatMap((name) => [800, 1280].map((width) => [name, width]))
    : [["JupyterLab Light", 1280]];
  for (const [name, width] of looks) {
    theme(name);
    const context = await browser.newContext({ viewport: { width, height: 1000 } });
    for (const notebook of notebooks) {
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      await page.goto(`${address}/lab/tree/${notebook}?token=test&reset`);
      await page.waitForFunction(() => window.jupyterapp?.shell.currentWidget?.context?.isReady);
      const wanted = figuresOf(notebook);
      const figures = () => page.locator(".jp-CodeCell .jp-OutputArea-child").evaluateAll((all) => all.filter((output) =>
        [...output.querySelectorAll("img, svg")].some((it) => it.getBoundingClientRect().width > 50
          && (it.tagName !== "IMG" || it.naturalWidth > 0))).length);
      for (let tries = 0; tries < 40 && await figures() < wanted; tries += 1) await page.waitForTimeout(500);
      const trusted = await page.evaluate(() => window.jupyterapp.shell.currentWidget.content.widgets
        .some((cell) => cell.model.type === "code" && cell.model.trusted));
      const seen = await figures();
      console.log(`${notebook} (${name}, ${width}): ${seen} of ${wanted} figures, ${trusted ? "trusted" : "not trusted"}`);
      if (trusted || seen !== wanted || wanted === 0) faults.push(`${notebook}: ${seen} of ${wanted} figures`);
      if (screenshots) {
        mkdirSync(screenshots, { recursive: true });
        const height = await page.evaluate(() => document.querySelector(".jp-WindowedPanel-outer").scrollHeight);
        await page.setViewportSize({ width, height: Math.min(height + 120, 16_000) });
        await page.waitForTimeout(1000);
        const picture = `${notebook.slice(0, 2)}-${name.split(" ")[1].toLowerCase()}-${width}.png`;
        await page.screenshot({ path: join(screenshots, picture) });
      }
      await page.close();
    }
    await context.close();
  }
} finally {
  await browser.close();
  lab.kill();
  await new Promise((done) => lab.once("exit", done));
  rmSync(folder, { recursive: true, force: true });
}
if (notebooks.length === 0) faults.push("the site has no notebooks to download");
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
