// Looks at a site in a browser: node look.mjs SITE [SCREENSHOTS]
//
// Opens each page from disk and from a server, and fails for console errors, requests to another host, pages that
// are wider than the screen, missing texts of figures, formulas that stay raw, and what axe finds in pages of ours,
// light and dark, on a telephone and a desktop. BROWSER names Chromium (default: /usr/bin/chromium). For
// Firefox there is firefox.mjs.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import playwright from "playwright-core";

import { pagesOf, serve } from "./pages.mjs";

const site = resolve(process.argv[2]);
const screenshots = process.argv[3] && resolve(process.argv[3]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.BROWSER ?? "/usr/bin/chromium";

// What the theme and rustdoc bring themselves, with the reason.
const ACCEPTED = {
  // The theme's search and colour buttons are named otherwise than what they show.
  "label-content-name-mismatch": "pydata-sphinx-theme 0.19.0",
};
const pages = pagesOf(site);
const faults = [];
const known = new Map();
const fault = (page, what) => { faults.push(`${page}: ${what}`); console.log(`FAULT ${page}: ${what}`); };

const server = await serve(site);
const browser = await playwright.chromium.launch({ executablePath, args: ["--no-sandbox"] });
for (const [from, base] of [["disk", pathToFileURL(site).href + "/"], ["server", server.address]]) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [390, 1280]) {
      // Errors and requests do not depend on the screen; what one sees does not depend on where it comes from.
      if (from === "disk" && (scheme === "dark" || width === 390)) continue;
      const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 } });
      for (const name of pages) {
        const page = await context.newPage();
        const here = `${name} (${from}, ${scheme}, ${width})`;
        const ours = !name.startsWith("api/");
        page.on("console", (message) => { if (message.type() === "error") fault(here, `console: ${message.text()}`); });
        page.on("pageerror", (error) => fault(here, `error: ${error.message}`));
        page.on("request", (request) => {
          const url = request.url();
          if (!url.startsWith(base) && !url.startsWith("data:") && !url.startsWith("blob:")) fault(here, `asks ${url}`);
        });
        server.sent = 0;
        const begin = performance.now();
        await page.goto(base + name, { waitUntil: "load" });
        const seconds = (performance.now() - begin) / 1000;
        if (from === "server" && scheme === "light" && width === 1280) {
          const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
          console.log(`${name}: ${(server.sent / 1e6).toFixed(2)} MB sent, loaded in ${seconds.toFixed(2)} s, first paint ${Math.round(paint ?? 0)} ms`);
        }
        if (ours) {
          const seen = await page.evaluate(() => ({
            wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            raw: [...document.querySelectorAll(".math")].filter((math) => !math.querySelector(".katex")).length,
            bad: document.querySelectorAll(".katex-error").length,
            images: [...document.querySelectorAll("article img")].filter((image) => !image.alt.trim() || /[/\\]/.test(image.alt)).length,
            drawings: [...document.querySelectorAll("article .cell_output svg:not(button svg)")].filter((svg) => !svg.getAttribute("aria-label")).length,
            overflowing: [...document.querySelectorAll("article .cell_output svg, article img")]
              .filter((figure) => figure.getBoundingClientRect().width > figure.closest("article").getBoundingClientRect().width + 1).length,
          }));
          for (const [what, count] of Object.entries(seen)) if (count > 0) fault(here, `${what}: ${count}`);
        }
        if (from === "server") {
          // What the theme's colours fade to counts, not what they pass on the way.
          await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
          await page.evaluate(axe);
          const { violations } = await page.evaluate(() => axe.run(document));
          for (const { id, nodes } of violations) {
            const text = `axe ${id}: ${nodes.length}, as ${nodes[0].target} ${nodes[0].html.slice(0, 160)}`;
            const reason = ours ? ACCEPTED[id] : "rustdoc";
            if (!reason) fault(here, text);
            else known.set(`${reason}: ${id}`, (known.get(`${reason}: ${id}`) ?? 0) + 1);
          }
          if (screenshots && ours) {
            mkdirSync(screenshots, { recursive: true });
            const file = `${name.replace(/\W/g, "-")}-${scheme}-${width}.png`;
            await page.screenshot({ path: join(screenshots, file), fullPage: true });
          }
        }
        await page.close();
      }
      await context.close();
    }
  }
}
await browser.close();
server.close();
for (const [what, count] of known) console.log(`not ours, ${count} times: ${what}`);
console.log(`${pages.length} pages in ${relative(process.cwd(), site) || "."}: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
