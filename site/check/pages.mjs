// The pages of a site, and a server for them.

import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { createGzip } from "node:zlib";

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
                ".wasm": "application/wasm", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2",
                ".json": "application/json" };

/** Our pages, the search, and the first page of the crate's documentation. */
export function pagesOf(site) {
  const pages = readdirSync(site, { recursive: true })
    .filter((name) => name.endsWith(".html") && !/^(api|_static|_modules)\//.test(name) && !/^(genindex|search)/.test(name))
    .sort();
  pages.push("search.html");
  if (existsSync(join(site, "api/twoviews/index.html"))) pages.push("api/twoviews/index.html");
  return pages;
}

/** Serves a site, compressed as Pages does, on this machine; `sent` counts the bytes. */
export async function serve(site) {
  const served = { sent: 0, address: "", close: () => server.close() };
  const server = createServer((request, response) => {
    const path = join(site, decodeURIComponent(new URL(request.url, "http://x").pathname));
    if (!existsSync(path) || statSync(path).isDirectory()) { response.writeHead(404).end(); return; }
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    const plain = /woff2|png/.test(type);
    response.writeHead(200, plain ? { "content-type": type } : { "content-type": type, "content-encoding": "gzip" });
    const stream = plain ? createReadStream(path) : createReadStream(path).pipe(createGzip());
    stream.on("data", (part) => { served.sent += part.length; });
    stream.pipe(response);
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.on("listening", done));
  served.address = `http://127.0.0.1:${server.address().port}/`;
  return served;
}
