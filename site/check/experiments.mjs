// Turns the knobs of a site's experiments in a browser: node experiments.mjs SITE [SCREENSHOTS]
//
// Compares what pages show with what the same code computes natively (`cargo run --package twoviews-web --example
// native`), uses keyboard and finger, looks at time and size, and at browsers without JavaScript or WebAssembly. Pages are
// opened from disk. BROWSER names Chromium (default: /usr/bin/chromium).

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import playwright from "playwright-core";

const site = resolve(process.argv[2]);
const screenshots = process.argv[3] && resolve(process.argv[3]);
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = "lessons/00_quickstart.html";
const BATCH = "lessons/01_decoupled_contrastive_learning.html";
const COUPLING = "lessons/02_the_coupling_term.html";
const STRENGTHS = "lessons/03_views.html";
const CIRCLE = "lessons/04_what_was_learned.html";
// Bytes, and milliseconds for a look at 256 images, or at 128 with their gradients.
const LIMITS = { bytes: 200_000, temperature: 16, batchSize: 60, gradients: 60 };

let faults = 0;
const check = (holds, what) => {
  if (!holds) { faults += 1; console.log(`FAULT ${what}`); }
};
const native = (wanted) => JSON.parse(execFileSync(
  "cargo", ["run", "--quiet", "--package", "twoviews-web", "--example", "native"],
  { cwd: root, input: JSON.stringify(wanted), maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "inherit"] },
));
const hash = (bytes) => createHash("sha256").update(Uint8Array.from(bytes)).digest("hex");

const browser = await playwright.chromium.launch({
  executablePath: process.env.BROWSER ?? "/usr/bin/chromium", args: ["--no-sandbox"],
});

// A page whose experiment runs, with what it asked for.
const open = async (name, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  if (options.prepare) await context.addInitScript(options.prepare);
  const page = await context.newPage();
  const base = pathToFileURL(site).href + "/";
  page.asked = [];
  page.on("console", (message) => check(message.type() !== "error", `${name}: console: ${message.text()}`));
  page.on("pageerror", (error) => check(false, `${name}: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    check(url.startsWith(base) || url.startsWith("data:"), `${name} asks ${url}`);
    page.asked.push(decodeURIComponent(url));
  });
  await page.goto(base + name, { waitUntil: "load" });
  if (!options.bare) await page.waitForFunction(() => globalThis.twoviews?.running.size > 0, null, { timeout: 10_000 });
  return page;
};
const frame = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const set = async (page, label, value) => {
  await page.getByLabel(label, { exact: true }).evaluate((control, value) => {
    control.value = value;
    control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input"));
  }, value);
  await frame(page);
};
const status = async (page) => {
  await page.waitForTimeout(600);
  return page.locator(".experiment [role=status]").textContent();
};

// Lesson 00: the bytes on the three canvases.
{
  const page = await open(VIEWS);
  const cases = [[0, 42, 0, 0.4, 0.4, 0, 201], [4, 7, 1, 0.08, 0.8, 2, 9], [9, 4294967295, 0, 1, 0, 0.5, 4294967295]];
  const labels = ["Figure", "Seed of the picture", "Colours", "Smallest part of the area", "Colour jitter", "Largest blur",
                  "Seed of the views"];
  const found = [];
  for (const values of cases) {
    for (const [i, label] of labels.entries()) await set(page, label, String(values[i]));
    found.push(hash(await page.evaluate(() => [...document.querySelectorAll(".experiment canvas")]
      .flatMap((canvas) => [...canvas.getContext("2d").getImageData(0, 0, 32, 32).data]))));
  }
  const expected = native({ pictures: cases }).hashes;
  found.forEach((hash, i) => check(hash === expected[i], `${VIEWS}: other bytes than natively for ${cases[i]}`));
  await set(page, "Smallest part of the area", "0.4");
  const before = await status(page);
  await page.getByLabel("Figure", { exact: true }).focus();
  const order = ["SELECT"];
  for (let i = 0; i < 7; i += 1) {
    await page.keyboard.press("Tab");
    order.push(await page.evaluate(() => document.activeElement.type ?? document.activeElement.tagName));
  }
  check(order.join() === "SELECT,select-one,number,number,range,range,range,button", `${VIEWS}: focus goes ${order}`);
  await page.keyboard.press("Enter");
  const after = await status(page);
  check(before !== after && after.includes("view 1 shows rows"), `${VIEWS}: the button says ${after}`);
  check((await page.getByLabel("Seed of the views", { exact: true }).inputValue()) === "0", `${VIEWS}: the largest seed has a next one`);
  await page.context().close();
}

// Lesson 01: losses, q and shares at sizes and temperatures, and the time they take.
{
  const page = await open(BATCH, { hasTouch: true });
  const stored = await page.evaluate(() => {
    const data = twoviews.data.get("batch");
    const bytes = (view) => [...new Int8Array(twoviews.fromBase64(view.bytes).buffer)];
    return { embeddings: [...bytes(data.z1), ...bytes(data.z2)], width: data.z1.shape[1] };
  });
  const found = [];
  const sizes = await page.getByLabel("Batch size N", { exact: true }).evaluate((control) => Number(control.max));
  for (const size of [0, 4, sizes]) {
    await set(page, "Batch size N", String(size));
    for (const step of [-45, 0, 31, 80]) {
      await set(page, "Temperature τ", String(step));
      found.push(await page.evaluate(() => {
        const { numbers, tau, n } = twoviews.running.get("batch");
        const { infoNce, dcl, q, shares } = numbers();
        const shown = [...document.querySelectorAll(".experiment data")].map((place) => Number(place.value));
        return { case: [n(), tau()], numbers: [infoNce, dcl, ...q, ...shares], shown };
      }));
    }
  }
  const expected = native({ ...stored, losses: found.map((it) => it.case) }).numbers;
  found.forEach((it, i) => {
    const far = Math.max(...it.numbers.map((x, j) => Math.abs(x - expected[i][j])));
    check(it.numbers.length === expected[i].length && far < 1e-6, `${BATCH}: ${far} from native at ${it.case}`);
    const far2 = Math.max(Math.abs(it.shown[0] - expected[i][0]), Math.abs(it.shown[1] - expected[i][1]));
    check(far2 < 1e-6, `${BATCH}: shows ${it.shown} at ${it.case}`);
  });
  const times = await page.evaluate(() => {
    const { draw, resize } = twoviews.running.get("batch");
    // The least of several: what else the machine does only adds.
    const least = (work) => Math.min(...Array.from({ length: 25 }, () => {
      const begin = performance.now();
      work();
      return performance.now() - begin;
    }));
    return { temperature: least(draw), batchSize: least(resize) };
  });
  console.log(`N = ${found.at(-1).case[0]}: temperature ${times.temperature.toFixed(1)} ms, batch size ${times.batchSize.toFixed(1)} ms`);
  for (const name of Object.keys(times)) check(times[name] <= LIMITS[name], `${BATCH}: ${name} takes ${times[name]} ms`);

  await page.getByLabel("Temperature τ", { exact: true }).focus();
  const before = await status(page);
  await page.keyboard.press("ArrowLeft");
  const after = await status(page);
  check(before !== after && /^Temperature .* SimCLR .* mean q /.test(after), `${BATCH}: the temperature says ${after}`);
  const matrix = page.locator(".experiment-matrix canvas");
  await matrix.scrollIntoViewIfNeeded();
  const box = await matrix.boundingBox();
  await page.touchscreen.tap(box.x + box.width / 3, box.y + box.height - 2);
  const anchor = page.getByLabel("Anchor", { exact: true });
  const [value, max] = await anchor.evaluate((control) => [control.value, control.max]);
  // At this size a row is two pixels high.
  check(max - value <= 2, `${BATCH}: a touch of the last row chooses anchor ${value} of ${max}`);
  check((await anchor.getAttribute("aria-valuetext")).endsWith("view 2"), `${BATCH}: the anchor has no name`);
  // Drawings take the colours of the theme that the reader chooses.
  const pixel = () => page.locator(".experiment-bars").evaluate((canvas) =>
    [...canvas.getContext("2d").getImageData(1, canvas.height - 2, 1, 1).data].join());
  const light = await pixel();
  await page.evaluate(() => { document.documentElement.dataset.theme = "dark"; });
  await frame(page);
  check((await pixel()) !== light, `${BATCH}: the bars keep their colours in the dark`);
  // All knobs in one frame: a picture of another size than the batch would be an error.
  for (const end of ["min", "max"]) {
    await page.locator(".experiment-controls input").evaluateAll((controls, end) => {
      for (const control of controls) {
        control.value = control[end];
        control.dispatchEvent(new Event("input"));
      }
    }, end);
    await frame(page);
  }
  await page.context().close();
}

// Lesson 02: q and gradients at sizes and temperatures.
{
  const page = await open(COUPLING, { hasTouch: true });
  const stored = await page.evaluate(() => {
    const data = twoviews.data.get("coupling");
    const bytes = (view) => [...new Int8Array(twoviews.fromBase64(view.bytes).buffer)];
    return { embeddings: [...bytes(data.z1), ...bytes(data.z2)], width: data.z1.shape[1] };
  });
  const sizes = await page.getByLabel("Batch size N", { exact: true }).evaluate((control) => Number(control.max));
  const found = [];
  for (const size of [0, 3, sizes]) {
    await set(page, "Batch size N", String(size));
    for (const step of [-45, 0, 50]) {
      await set(page, "Temperature τ", String(step));
      found.push(await page.evaluate(() => {
        const { numbers, tau, n } = twoviews.running.get("coupling");
        const { q, length, cosine, bars } = numbers();
        const shown = [...document.querySelectorAll(".experiment data")].map((place) => Number(place.value));
        return { case: [n(), tau()], numbers: [q, length, cosine, ...bars], shown };
      }));
    }
  }
  native({ ...stored, couplings: found.map((it) => it.case) }).couplings.forEach((expected, i) => {
    const { case: at, numbers, shown } = found[i];
    const far = Math.max(...numbers.map((x, j) => Math.abs(x - expected[j])), ...shown.map((x, j) => Math.abs(x - expected[j])));
    check(numbers.length === expected.length && shown.length === 3 && far < 1e-6, `${COUPLING}: ${far} from native at ${at}`);
  });
  const time = await page.evaluate(() => {
    const { draw } = twoviews.running.get("coupling");
    return Math.min(...Array.from({ length: 25 }, () => {
      const begin = performance.now();
      draw();
      return performance.now() - begin;
    }));
  });
  console.log(`N = ${found.at(-1).case[0]}: q and gradients ${time.toFixed(1)} ms`);
  check(time <= LIMITS.gradients, `${COUPLING}: q and gradients take ${time} ms`);
  const temperature = page.getByLabel("Temperature τ", { exact: true });
  await temperature.focus();
  const before = await status(page);
  await page.keyboard.press("ArrowLeft");
  const after = await status(page);
  check(before !== after && /^Temperature .* mean q .* cosine /.test(after), `${COUPLING}: the temperature says ${after}`);
  await temperature.scrollIntoViewIfNeeded();
  const box = await temperature.boundingBox();
  await page.touchscreen.tap(box.x + 3, box.y + box.height / 2);
  check(Number(await temperature.inputValue()) < -40, `${COUPLING}: a touch at its left leaves the temperature at ${await temperature.inputValue()}`);
  await page.context().close();
}

// Lesson 03: the bytes of a picture and its six views, and what has become of it.
{
  const page = await open(STRENGTHS, { hasTouch: true });
  const labels = ["Figure", "Seed of the picture", "Colours", "Crop: smallest part of the area", "Mirror: how often",
                  "Quarter turns: how often", "Light: brightness and contrast", "Hue: part of a whole turn", "Grey: how often",
                  "Blur: largest width", "Seed of the views"];
  const cases = [[4, 42, 0, 0.6, 0, 0, 0, 0, 0, 0, 301], [6, 1, 1, 0.08, 0.5, 1, 0.8, 0.5, 0.25, 1.5, 9],
                 [9, 4294967295, 1, 1, 0, 0, 0, 0, 1, 0, 4294967295]];
  const shown = () => page.evaluate(() => ({
    bytes: [...document.querySelectorAll(".experiment canvas")]
      .flatMap((canvas) => [...canvas.getContext("2d").getImageData(0, 0, 32, 32).data]),
    numbers: Object.values(twoviews.running.get("strengths").numbers()),
  }));
  const found = [await shown()];
  for (const values of cases) {
    for (const [i, label] of labels.entries()) await set(page, label, String(values[i]));
    found.push(await shown());
  }
  // It begins with the first case.
  native({ rows: [cases[0], ...cases] }).rows.forEach((expected, i) => {
    check(hash(found[i].bytes) === expected.hash, `${STRENGTHS}: other bytes than natively in row ${i}`);
    const far = Math.max(...expected.numbers.map((x, j) => Math.abs(x - found[i].numbers[j])));
    check(found[i].numbers.length === expected.numbers.length && far < 1e-6, `${STRENGTHS}: ${found[i].numbers}, natively ${expected.numbers}`);
  });
  await page.getByRole("button", { name: "All off" }).tap();
  check((await status(page)).startsWith("No augmentation: "), `${STRENGTHS}: without augmentations it says ${await status(page)}`);
  await page.getByRole("button", { name: "All as in the lesson" }).focus();
  await page.keyboard.press("Enter");
  const after = await status(page);
  check(after.startsWith("crop 60 %, mirror 50 %, turn always, light 0.40, grey always: "), `${STRENGTHS}: the lesson's set says ${after}`);
  await page.getByRole("button", { name: "Six other views" }).tap();
  check((await page.getByLabel("Seed of the views", { exact: true }).inputValue()) === "0", `${STRENGTHS}: the largest seed has a next one`);
  await page.context().close();
}

// Lesson 04: alignment, uniformity and losses.
{
  const page = await open(CIRCLE);
  const cases = [[0, 0, 0.1], [360, 20, 0.5], [75, 180, 1]];
  const labels = ["Images spread over", "Views of an image apart", "Temperature τ"];
  const found = [];
  for (const values of cases) {
    for (const [i, label] of labels.entries()) await set(page, label, String(values[i]));
    found.push(await page.evaluate(() => [...document.querySelectorAll(".experiment data")].map((place) => Number(place.value))));
  }
  native({ circles: cases }).circles.forEach((expected, i) => {
    const far = Math.max(...expected.map((x, j) => Math.abs(x - found[i][j])));
    check(found[i].length === expected.length && far < 1e-6, `${CIRCLE}: ${found[i]}, natively ${expected} for ${cases[i]}`);
  });
  await page.getByLabel(labels[1], { exact: true }).focus();
  const before = await status(page);
  await page.keyboard.press("Home");
  const after = await status(page);
  check(before !== after && after.startsWith("Alignment "), `${CIRCLE}: the distance of views says ${after}`);
  await page.context().close();
}

for (const name of [VIEWS, BATCH, COUPLING, STRENGTHS, CIRCLE]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1280]) {
      const page = await open(name, { colorScheme, viewport: { width, height: 900 } });
      const here = `${name} (${colorScheme}, ${width})`;
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run(".experiment", { preload: false }));
      for (const { id, nodes } of violations) check(false, `${here}: axe ${id}: ${nodes.length}, as ${nodes[0].html.slice(0, 160)}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(wide <= 0, `${here}: ${wide} pixels too wide`);
      const files = page.asked.filter((url) => url.includes("/_static/experiments/"));
      const bytes = files.reduce((sum, url) => sum + gzipSync(readFileSync(fileURLToPath(url))).length, 0);
      check(bytes <= LIMITS.bytes, `${here}: ${bytes} bytes compressed`);
      if (colorScheme === "light" && width === 1280) console.log(`${name}: the experiment is ${(bytes / 1000).toFixed(0)} kB compressed`);
      if (screenshots) {
        mkdirSync(screenshots, { recursive: true });
        const file = `experiment-${name.replace(/\W/g, "-")}-${colorScheme}-${width}.png`;
        await page.setViewportSize({ width, height: 2400 });
        await page.locator(".experiment").screenshot({ path: join(screenshots, file) });
      }
      await page.context().close();
    }
  }
  // What the run has shown stays, and one line says why there is no more.
  const pictures = (page) => page.locator("article .cell_output :is(img, svg):not(button svg)").count();
  const all = await open(name);
  const here = await pictures(all);
  await all.context().close();
  for (const [what, options] of [
    ["need JavaScript", { javaScriptEnabled: false }],
    ["no WebAssembly", { prepare: () => { delete globalThis.WebAssembly; } }],
    ["does not run WebAssembly", { prepare: () => { WebAssembly.instantiate = async () => { throw new Error("not allowed"); }; } }],
  ]) {
    const page = await open(name, { ...options, bare: true });
    await page.waitForTimeout(300);
    const lines = await page.locator(".experiment p").allTextContents();
    check(lines.length === 2 && lines[1].includes(what), `${name}: without it (${what}) the page says ${lines}`);
    check((await pictures(page)) === here && here > 0, `${name}: pictures are missing (${what})`);
    await page.context().close();
  }
}
// Runs that have stored nothing.
for (const name of [BATCH, COUPLING]) {
  const page = await open(name, { bare: true, prepare: () => {
    document.addEventListener("DOMContentLoaded", () => {
      for (const experiment of twoviews.data.keys()) twoviews.data.set(experiment, { run: {} });
    }, { capture: true, once: true });
  } });
  await page.waitForTimeout(300);
  const lines = await page.locator(".experiment p").allTextContents();
  check(lines[1]?.includes("has stored no embeddings"), `${name}: without embeddings the page says ${lines}`);
  await page.context().close();
}
await browser.close();
console.log(`experiments: ${faults} faults`);
process.exit(faults ? 1 : 0);
