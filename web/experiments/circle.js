// Turn the knobs: alignment and uniformity on a circle
//
// Lesson 04. Embeddings with two numbers and length 1 lie on a circle; there are twelve images with two views each.
"use strict";

twoviews.experiments.set("circle", (parts, compute) => {
  const { element, slider, readings, inFrame, announcer, colour } = twoviews;
  let found = {};

  const draw = () => {
    const [alignment, uniformity, infoNce, dcl, ...angles] = compute.call("circle", arc.value, apart.value, temperature.value).numbers();
    found = { alignment, uniformity, infoNce, dcl };
    Object.entries(found).forEach(([name, value]) => values.set(name, value, value.toFixed(3)));
    drawCircle(angles);
    const text = `Alignment ${alignment.toFixed(3)}, uniformity ${uniformity.toFixed(3)}, SimCLR's loss ${infoNce.toFixed(3)}, DCL's ${dcl.toFixed(3)}.`;
    picture.setAttribute("aria-label", `twelve images spread over ${arc.value} degrees of a circle, the two views of each ${apart.value} degrees apart`);
    status.say(text);
  };

  const drawCircle = (angles) => {
    const side = Math.round((picture.clientWidth || 320) * (globalThis.devicePixelRatio || 1));
    Object.assign(picture, { width: side, height: side });
    const context = picture.getContext("2d");
    const place = (angle) => {
      const radians = (angle * Math.PI) / 180;
      return [side * (0.5 + 0.42 * Math.sin(radians)), side * (0.5 - 0.42 * Math.cos(radians))];
    };
    const [first, second] = [angles.slice(0, angles.length / 2), angles.slice(angles.length / 2)];
    context.lineWidth = side / 160;
    context.strokeStyle = "#888888";
    context.beginPath();
    context.arc(side / 2, side / 2, 0.42 * side, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = context.fillStyle = colour("--experiment-positive");
    first.forEach((angle, i) => {
      context.beginPath();
      context.moveTo(...place(angle));
      context.lineTo(...place(second[i]));
      context.stroke();
    });
    for (const angle of first) dot(context, place(angle), side / 55, true);
    context.strokeStyle = colour("--experiment-negative");
    for (const angle of second) dot(context, place(angle), side / 40, false);
  };

  const dot = (context, [x, y], radius, filled) => {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    if (filled) context.fill();
    else context.stroke();
  };

  const later = inFrame(draw);
  const degrees = (value) => `${value}°`;
  const arc = slider({ label: "Images spread over", min: 0, max: 360, step: 5, value: 240, show: degrees, change: later });
  const apart = slider({ label: "Views of an image apart", min: 0, max: 180, step: 1, value: 12, show: degrees, change: later });
  const temperature = slider({
    label: "Temperature τ", min: 0.05, max: 1, step: 0.05, value: 0.1, show: (value) => value.toFixed(2), change: later,
  });

  const values = readings({
    alignment: "alignment, lower is better", uniformity: "uniformity, lower is better",
    infoNce: "SimCLR's loss, InfoNCE", dcl: "DCL's loss",
  });
  const picture = element("canvas", { role: "img" });
  const status = announcer();
  status.place.classList.add("experiment-hidden");
  parts.append(
    element("div", { className: "experiment-sides" },
      element("figure", { className: "experiment-matrix" },
        element("div", { className: "experiment-picture" }, picture),
        element("figcaption", {}, "Dots are first views, rings second ones; a line joins the two views of an image.")),
      element("div", {},
        element("div", { className: "experiment-controls" }, ...[arc, apart, temperature].map((control) => control.place)),
        values.place)),
    status.place,
  );
  new ResizeObserver(later).observe(picture);
  return { draw, numbers: () => found };
});
