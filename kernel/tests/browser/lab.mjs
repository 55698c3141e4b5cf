// JupyterLab as a reader sees it: lab.mjs URL CHROMIUM OUT_DIR
//
// Prints one line for each thing that was seen, and leaves a picture of it in OUT_DIR.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, executablePath, out] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
page.setDefaultTimeout(240_000);

const command = (name) =>
  page.evaluate((name) => void window.jupyterapp.commands.execute(name), name);
const cell = (number) => page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").nth(number);
const outputs = (number) => cell(number).locator(".jp-OutputArea-child");
const prompt = (number) => cell(number).locator(".jp-InputPrompt").innerText();
const text = async (number) => (await outputs(number).allInnerTexts()).join("\n");

async function open(notebook) {
  await page.goto(`${url.replace("/lab?", `/lab/tree/${notebook}?reset&`)}`);
  await page.waitForFunction(() => window.jupyterapp?.shell.currentWidget?.context?.isReady);
  await page.waitForFunction(
    () => window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === "idle");
}

/** Waits until `ready`, collecting what `look` sees on the way. */
async function watch(look, ready) {
  const seen = new Set();
  for (const end = Date.now() + 240_000; Date.now() < end; await page.waitForTimeout(50)) {
    const state = await look();
    if (state) seen.add(state);
    if (await ready()) return [...seen];
  }
  throw new Error("waited too long");
}

const done = (number) => async () => /\[\d+\]/.test(await prompt(number));

async function step(what, test) {
  try {
    const note = await test();
    console.log(`ok: ${what}${note ? ` (${note})` : ""}`);
  } finally {
    await page.screenshot({ path: `${out}/${what.replaceAll(" ", "_")}.png` });
  }
}

try {
  await page.goto(url);
  await page.waitForFunction(() => window.jupyterapp?.shell);
  await command("launcher:create");
  await step("the launcher has one Rust with its logo", async () => {
    const notebooks = page.locator(".jp-Launcher-section").filter({ hasText: "Notebook" }).first();
    const cards = notebooks.locator(".jp-LauncherCard").filter({ hasText: "Rust" });
    await cards.first().waitFor();
    assert.equal(await cards.count(), 1);
    const logo = cards.locator("img");
    assert.match(await logo.getAttribute("src"), /\/kernelspecs\/[^/]+\/logo-svg\.svg/);
    await watch(async () => "", () => logo.evaluate((it) => it.complete && it.naturalWidth > 0));
  });
  await open("live.ipynb");
  await command("notebook:run-all-cells");
  await step("a bar moves in place", async () => {
    const states = await watch(() => text(1), done(1));
    assert.ok(states.length >= 10, `${states.length} states`);
    assert.equal(await outputs(1).count(), 1);
    assert.match(await text(1), /40\/40 steps/);
    return `${states.length} states`;
  });
  await step("a plot is redrawn while the cell runs", async () => {
    // JupyterLab shows a drawing as a picture whose address holds it.
    const drawing = () => outputs(2).locator("img, svg").first().evaluate((node) => node.outerHTML, null, { timeout: 1000 })
      .catch(() => "");
    const states = await watch(drawing, done(2));
    assert.ok(states.length >= 5, `${states.length} states`);
    assert.equal(await outputs(2).count(), 1);
    return `${states.length} states`;
  });
  await step("an interrupt stops the cell", async () => {
    await watch(() => text(3), async () => (await text(3)).includes("waiting"));
    await command("notebook:interrupt-kernel");
    await watch(() => text(3), done(3));
    assert.match(await text(3), /Interrupted/);
    assert.equal(await text(4), "", "Run All has stopped");
  });
  await step("and the next cell goes on", async () => {
    await cell(4).click();
    await command("notebook:run-cell");
    await watch(() => text(4), done(4));
    assert.match(await text(4), /kept 17/);
  });
  await open("executed.ipynb");
  await step("a notebook that is not trusted shows its figures", async () => {
    const trusted = await page.evaluate(() =>
      window.jupyterapp.shell.currentWidget.content.widgets.some((it) => it.model.trusted === true && it.model.type === "code"));
    assert.equal(trusted, false);
    for (const number of [1, 2, 3]) {
      const shown = () => outputs(number).locator("img, svg").evaluateAll((all) => all.filter((it) =>
        it.getBoundingClientRect().width > 50 && (it.tagName !== "IMG" || it.naturalWidth > 0)).length);
      await watch(shown, async () => await shown() === 1);
    }
  });
  await open("error.ipynb");
  await command("notebook:run-all-cells");
  await step("Run All stops at an error", async () => {
    await watch(() => text(1), done(1));
    await page.waitForTimeout(500);
    assert.match(await text(1), /Panic: stop here/);
    assert.equal(await text(2), "");
    assert.equal((await prompt(2)).trim(), "[ ]:");
  });
  await open("whole.ipynb");
  await command("notebook:restart-run-all");
  await page.locator(".jp-Dialog .jp-mod-accept").click();
  await step("restart and run all", async () => {
    const begin = Date.now();
    await watch(() => text(2), done(2));
    assert.match(await text(2), /sum 6/);
    assert.doesNotMatch(await text(0), /compil/, "no crate is compiled");
    return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
  });
} finally {
  await browser.close();
}
