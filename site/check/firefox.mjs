// Opens a site's pages in Firefox, from disk and from a server: node firefox.mjs SITE [SCREENSHOTS]
//
// Fails for errors in the console and requests to another host. Talks WebDriver BiDi to Firefox itself, because
// playwright drives only a Firefox of its own. FIREFOX names the program (default: firefox-esr).

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import WebSocket from "ws";

import { pagesOf, serve } from "./pages.mjs";

const site = resolve(process.argv[2]);
const screenshots = process.argv[3] && resolve(process.argv[3]);
const profile = mkdtempSync(join(tmpdir(), "look-"));
// No greeting, no updates, no news: what Firefox asks by itself is no request of a page.
writeFileSync(join(profile, "user.js"), `
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
`);
const firefox = spawn(process.env.FIREFOX ?? "firefox-esr",
  ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
  { stdio: ["ignore", "ignore", "pipe"] });

/** The address at which Firefox listens. */
const address = await new Promise((done, failed) => {
  let said = "";
  firefox.stderr.on("data", (part) => {
    said += part;
    const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said);
    if (found) done(found[1]);
  });
  firefox.on("error", failed);
  firefox.on("exit", (code) => failed(new Error(`Firefox has ended (${code}): ${said}`)));
});
const socket = new WebSocket(`${address}/session`);
await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
const waiting = new Map();
let last = 0;
let onEvent = () => {};
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "event") { onEvent(message); return; }
  const { done, failed } = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.type === "error") failed(new Error(`${message.error}: ${message.message}`));
  else done(message.result);
};
const ask = (method, params = {}) => new Promise((done, failed) => {
  waiting.set(++last, { done, failed });
  socket.send(JSON.stringify({ id: last, method, params }));
});

const { capabilities } = await ask("session.new", { capabilities: {} });
console.log(`${capabilities.browserName} ${capabilities.browserVersion}`);
await ask("session.subscribe", { events: ["log.entryAdded", "network.beforeRequestSent"] });
const pages = pagesOf(site);
const server = await serve(site);
const faults = [];
for (const [from, base] of [["disk", pathToFileURL(site).href + "/"], ["server", server.address]]) {
  for (const name of pages) {
    const { context } = await ask("browsingContext.create", { type: "tab" });
    onEvent = ({ method, params }) => {
      if (method === "log.entryAdded") {
        if (params.level === "error") faults.push(`${name} (${from}): ${params.text}`);
      } else if (params.context === context) {
        const { url } = params.request;
        if (!url.startsWith(base) && !/^(data|blob|about):/.test(url)) faults.push(`${name} (${from}): asks ${url}`);
      }
    };
    await ask("browsingContext.setViewport", { context, viewport: { width: 1280, height: 900 } });
    const begin = performance.now();
    await ask("browsingContext.navigate", { context, url: base + name, wait: "complete" });
    const seconds = (performance.now() - begin) / 1000;
    if (from === "server") console.log(`${name}: loaded in ${seconds.toFixed(2)} s`);
    if (screenshots && from === "disk") {
      mkdirSync(screenshots, { recursive: true });
      const { data } = await ask("browsingContext.captureScreenshot", { context, origin: "document" });
      writeFileSync(join(screenshots, `firefox-${name.replace(/\W/g, "-")}.png`), Buffer.from(data, "base64"));
    }
    await ask("browsingContext.close", { context });
  }
}
firefox.removeAllListeners("exit");
const ended = new Promise((done) => firefox.on("exit", done));
await ask("browser.close").catch(() => firefox.kill());
await ended;
server.close();
rmSync(profile, { recursive: true, force: true });
for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${pages.length} pages, from disk and from a server: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
