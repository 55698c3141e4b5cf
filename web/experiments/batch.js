// Turn the knobs: two losses of one batch
//
// Lesson 01. The run stores z1 and z2, (N, width), and the temperature with which the encoder was trained.
"use strict";

twoviews.experiments.set("batch", (parts, compute, data) => {
  const { element, slider, readings, inFrame, announcer, colour } = twoviews;
  if (!data.z1) throw new twoviews.Unable("the run of this page has stored no embeddings");
  const [images, width] = data.z1.shape;
  const SIZES = [2, 4, 8, 16, 32, 64, 128, 256].filter((n) => n <= images);
  const views = [data.z1, data.z2].map((view) => twoviews.fromBase64(view.bytes));
  compute.give(Uint8Array.of(...views[0], ...views[1]));
  compute.call("load_embeddings", width);

  const percent = (share) => `${(100 * share).toPrecision(3)} %`;
  const short = (value) => (Math.abs(value) < 0.001 ? value.toExponential(2) : value.toFixed(4));
  const n = () => SIZES[size.value];
  // Fifty steps to a power of ten, about the temperature with which the encoder was trained.
  const tauOf = (step) => data.temperature[0] * 10 ** (step / 50);
  const tau = () => tauOf(temperature.value);
  const nameOf = (i) => `image ${(i % n()) + 1}, view ${i < n() ? 1 : 2}`;
  let found = { q: [], shares: [] };
  let room = [400, 112];

  const draw = () => {
    const anchors = 2 * n();
    compute.call("batch_picture", tau());
    const picture = new ImageData(compute.bytes().slice(), anchors, anchors);
    Object.assign(matrix, { width: anchors, height: anchors });
    matrix.getContext("2d").putImageData(picture, 0, 0);
    const all = compute.call("batch_numbers", tau()).numbers();
    const [infoNce, dcl] = all;
    const [q, shares] = [all.slice(2, 2 + anchors), all.slice(2 + anchors)];
    found = { infoNce, dcl, q, shares };
    const meanQ = q.reduce((sum, x) => sum + x, 0) / anchors;
    const sorted = Float64Array.from(shares).sort().reverse();
    const tenth = Math.max(1, Math.round(anchors / 10));
    const ofTenth = sorted.slice(0, tenth).reduce((sum, x) => sum + x, 0);
    values.set("infoNce", infoNce, short(infoNce));
    values.set("dcl", dcl, short(dcl));
    values.set("q", meanQ, short(meanQ));
    values.set("tenth", ofTenth, percent(ofTenth));
    drawShares(sorted);
    const row = compute.call("batch_row", anchor.value - 1).numbers();
    const told = tellAnchor(row);
    matrix.setAttribute("aria-label", `similarities of ${anchors} embeddings as anchors (rows) with all others (columns); `
      + `the positives lie on two lines beside the empty diagonal, ${n()} columns away`);
    bars.setAttribute("aria-label", `shares of the gradient, largest first: with SimCLR from ${percent(sorted[0])} to `
      + `${percent(sorted[anchors - 1])}, with DCL ${percent(1 / anchors)} each`);
    status.say(`Temperature ${tau().toPrecision(2)}, ${n()} images: SimCLR ${infoNce.toFixed(3)}, DCL ${dcl.toFixed(3)}, `
      + `mean q ${meanQ.toPrecision(3)}. ${told}`);
  };

  const tellAnchor = (row) => {
    const i = anchor.value - 1;
    const partner = (i + n()) % (2 * n());
    let nearest = -1;
    row.forEach((cosine, j) => {
      if (j !== i && j !== partner && (nearest < 0 || cosine > row[nearest])) nearest = j;
    });
    Object.assign(marker.style, { top: `${(100 * i) / (2 * n())}%`, height: `${100 / (2 * n())}%` });
    const text = `Anchor ${nameOf(i)}: cosine ${row[partner].toFixed(3)} to its partner, ${row[nearest].toFixed(3)} to the `
      + `nearest negative (${nameOf(nearest)}); q = ${found.q[i].toPrecision(3)}, `
      + `${percent(found.shares[i])} of SimCLR's gradient and ${percent(1 / (2 * n()))} of DCL's.`;
    detail.textContent = text;
    return text;
  };

  const drawShares = (sorted) => {
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = room.map((side) => Math.round(side * ratio));
    Object.assign(bars, { width, height });
    const context = bars.getContext("2d");
    const top = Math.max(sorted[0], 1.2 / sorted.length);
    const y = (share) => height * (1 - (0.95 * share) / top);
    context.fillStyle = colour("--experiment-simclr");
    const bar = width / sorted.length;
    sorted.forEach((share, i) => context.fillRect(i * bar, y(share), Math.max(bar - (bar > 4 * ratio ? ratio : 0), 1), height));
    context.fillStyle = colour("--experiment-dcl");
    context.fillRect(0, y(1 / sorted.length) - ratio, width, 2 * ratio);
  };

  const later = inFrame(draw);
  // At once, not in the next frame: what draws then, for whatever reason, is to find the batch that the slider says.
  const resize = () => {
    compute.call("resize_batch", n());
    anchor.input.max = 2 * n();
    anchor.tell();
  };

  const temperature = slider({
    label: "Temperature τ", min: -45, max: 80, step: 1, value: 0, show: (step) => tauOf(step).toPrecision(2), change: later,
  });
  const size = slider({
    label: "Batch size N", min: 0, max: SIZES.length - 1, step: 1, value: Math.min(4, SIZES.length - 1),
    show: (i) => `${SIZES[i]} images`, change: () => { resize(); later(); },
  });
  const anchor = slider({
    label: "Anchor", min: 1, max: 2 * n(), step: 1, value: 1, show: (i) => nameOf(i - 1), change: later,
  });

  const values = readings({
    infoNce: "SimCLR's loss, InfoNCE", dcl: "DCL's loss", q: "mean of q", tenth: "the top tenth's share of the gradient",
  });
  const matrix = element("canvas", { role: "img" });
  const marker = element("span", { className: "experiment-row" });
  matrix.addEventListener("click", (event) => {
    const box = matrix.getBoundingClientRect();
    anchor.input.value = 1 + Math.floor(((event.clientY - box.top) / box.height) * 2 * n());
    anchor.tell();
    later();
  });
  const bars = element("canvas", { role: "img", className: "experiment-bars" });
  const detail = element("p", { className: "experiment-detail" });
  const status = announcer();
  status.place.classList.add("experiment-hidden");
  parts.append(
    element("p", { className: "experiment-source" },
      `The embeddings of the cell above: ${images} images, two views each, rounded to 8 bits.`,
      data.run.stand_ins ? ` The run had ${data.run.stand_ins}, made from formulas: nothing here is a result.` : ""),
    element("div", { className: "experiment-sides" },
      element("figure", { className: "experiment-matrix" },
        element("div", { className: "experiment-picture" }, matrix, marker),
        element("figcaption", {},
          "Each row is an anchor, each column what it is compared with: ",
          element("span", { className: "experiment-key positive" }, "its partner"), " and ",
          element("span", { className: "experiment-key negative" }, "negatives"),
          ", the stronger the more they weigh in the denominator. Touch or click a row to choose the anchor.")),
      element("div", {},
        element("div", { className: "experiment-controls" }, ...[temperature, size, anchor].map((control) => control.place)),
        values.place,
        element("figure", {}, bars,
          element("figcaption", {}, "Share of each anchor in the gradient (the pull on its positive pair), largest first: ",
            element("span", { className: "experiment-key simclr" }, "SimCLR"), ", ",
            element("span", { className: "experiment-key dcl" }, "DCL"), ".")),
        detail)),
    status.place,
  );
  compute.call("resize_batch", n());
  // To ask for the size while drawing would lay out the whole page once more.
  new ResizeObserver(([{ contentRect }]) => {
    room = [contentRect.width, contentRect.height];
    later();
  }).observe(bars);
  return { draw, resize: () => { resize(); draw(); }, numbers: () => found, tau, n };
});
