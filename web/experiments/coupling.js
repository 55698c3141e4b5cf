// Turn the knobs: q, and what it does to the gradient
//
// Lesson 02. The run stores z1 and z2, (N, width), and the temperature with which the encoder was trained.
"use strict";

twoviews.experiments.set("coupling", (parts, compute, data) => {
  const { element, slider, readings, sharp, inFrame, announcer, colour } = twoviews;
  if (!data.z1) throw new twoviews.Unable("the run of this page has stored no embeddings");
  const [images, width] = data.z1.shape;
  const SIZES = [2, 4, 8, 16, 32, 64, 128].filter((n) => n <= images);
  const views = [data.z1, data.z2].map((view) => twoviews.fromBase64(view.bytes));
  compute.give(Uint8Array.of(...views[0], ...views[1]));
  compute.call("load_coupling", width);

  const percent = (share) => `${(100 * share).toPrecision(3)} %`;
  const n = () => SIZES[size.value];
  // Fifty steps to a power of ten, about the temperature with which the encoder was trained.
  const tauOf = (step) => data.temperature[0] * 10 ** (step / 50);
  const tau = () => tauOf(temperature.value);
  let found = {};

  const draw = () => {
    const [q, length, cosine, ...bars] = compute.call("coupling_numbers", tau()).numbers();
    found = { q, length, cosine, bars };
    const angle = (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
    values.set("q", q, q.toFixed(3));
    values.set("length", length, length.toFixed(3));
    values.set("cosine", cosine, `${cosine.toFixed(3)}, ${angle.toFixed(0)}°`);
    drawBars(bars);
    drawArrows(length, angle);
    const [low, high] = [bars[0], bars[bars.length - 1]];
    const told = `${percent(low)} of the anchors have q below ${1 / bars.length}, ${percent(high)} above ${1 - 1 / bars.length}`;
    histogram.setAttribute("aria-label", `distribution of q of ${2 * images} anchors: ${told}`);
    arrows.setAttribute("aria-label",
      `the gradient of SimCLR has ${length.toFixed(3)} of the length of that of DCL, ${angle.toFixed(0)} degrees from its direction`);
    status.say(`Temperature ${tau().toPrecision(2)}, batches of ${n()} images: mean q ${q.toFixed(3)}, ${told}. `
      + `The gradient of SimCLR has ${length.toFixed(3)} of the length of that of DCL, and the cosine between them is ${cosine.toFixed(3)}.`);
  };

  const drawBars = (bars) => {
    const { context, width, height, ratio } = emptied.histogram();
    context.fillStyle = colour("--experiment-simclr");
    const bar = width / bars.length;
    bars.forEach((share, i) => context.fillRect(i * bar + ratio, height * (1 - share), bar - 2 * ratio, height * share));
  };

  // Both in the plane in which they lie; the direction of DCL's is to the right.
  const drawArrows = (length, angle) => {
    const { context, width, height, ratio } = emptied.arrows();
    const up = Math.abs(length * Math.sin((angle * Math.PI) / 180));
    // As long as fits; NaN where there is no gradient.
    const unit = Math.min(0.9 * width, up > 0 ? (0.85 * height) / up : Infinity);
    const start = [(width - unit) / 2, 0.95 * height];
    arrow(context, start, unit, 0, colour("--experiment-dcl"), ratio);
    if (length > 0) arrow(context, start, unit * length, angle, colour("--experiment-simclr"), ratio);
  };

  const arrow = (context, [x, y], length, angle, ink, ratio) => {
    const head = Math.min(9 * ratio, length);
    context.save();
    context.translate(x, y);
    context.rotate((-angle * Math.PI) / 180);
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = 2.5 * ratio;
    context.beginPath();
    context.moveTo(0, 0);
    context.lineTo(length - head, 0);
    context.stroke();
    context.beginPath();
    context.moveTo(length, 0);
    context.lineTo(length - head, -0.55 * head);
    context.lineTo(length - head, 0.55 * head);
    context.fill();
    context.restore();
  };

  const later = inFrame(draw);
  // At once, not in the next frame: what draws then is to find the batches that the slider says.
  const deal = () => compute.call("deal_coupling", n());

  const temperature = slider({
    label: "Temperature τ", min: -45, max: 50, step: 1, value: 0, show: (step) => tauOf(step).toPrecision(2), change: later,
  });
  const size = slider({
    label: "Batch size N", min: 0, max: SIZES.length - 1, step: 1, value: Math.min(4, SIZES.length - 1),
    show: (i) => `${SIZES[i]} images`, change: () => { deal(); later(); },
  });

  const values = readings({
    q: "mean of q", length: "length of SimCLR's gradient, if DCL's is 1", cosine: "cosine between the two, and the angle",
  });
  const histogram = element("canvas", { role: "img", className: "experiment-bars experiment-drawing" });
  const arrows = element("canvas", { role: "img", className: "experiment-drawing" });
  const emptied = { histogram: sharp(histogram, [400, 160], later), arrows: sharp(arrows, [400, 160], later) };
  const status = announcer();
  status.place.classList.add("experiment-hidden");
  parts.append(
    element("p", { className: "experiment-source" },
      `Embeddings of this page's run: ${images} unseen images, two views each, rounded to 8 bits, dealt into batches. `
      + "Gradients are by embeddings of length 1, means over the batches."),
    element("div", { className: "experiment-controls" }, ...[temperature, size].map((control) => control.place)),
    values.place,
    element("div", { className: "experiment-sides" },
      element("figure", {}, histogram,
        element("div", { className: "experiment-ends", "aria-hidden": "true" },
          element("span", {}, "q = 0"), element("span", {}, "0.5"), element("span", {}, "1")),
        element("figcaption", {}, `Which share of the ${2 * images} anchors has which q: the full height is all of them.`)),
      element("figure", {}, arrows,
        element("figcaption", {}, "The gradients of a batch, in the plane in which both lie: ",
          element("span", { className: "experiment-key simclr" }, "SimCLR"), " and ",
          element("span", { className: "experiment-key dcl" }, "DCL"),
          ". What a larger learning rate can mend is the length."))),
    status.place,
  );
  deal();
  return { draw, deal: () => { deal(); draw(); }, numbers: () => found, tau, n };
});
