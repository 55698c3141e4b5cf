// Turn the knobs: two views of a figure
//
// Lesson 00, which shows the picture and the views with which it begins.
"use strict";

twoviews.experiments.set("two_views", (parts, compute) => {
  const { element, slider, whole, choice, button, paint, inFrame, announcer } = twoviews;
  const SIZE = 32;
  const COLOURS = ["muted", "vivid"];
  const classes = compute.call("class_names").text().split("\n");

  const draw = () => {
    compute.call("two_views", figure.value, picture.value, colours.value, part.value, jitter.value, blur.value, views.value);
    paint(canvases, compute.bytes());
    const crops = compute.numbers();
    const boxes = [0, 1].map((view) => crops.slice(4 * view, 4 * view + 4));
    for (const [view, [top, left, height, width]] of boxes.entries()) {
      Object.entries({ top, left, height, width }).forEach(([side, pixels]) => {
        frames[view].style[side] = `${(100 * pixels) / SIZE}%`;
      });
    }
    const name = classes[figure.value];
    const shown = boxes.map(([top, left, height, width]) =>
      `rows ${top + 1} to ${top + height}, columns ${left + 1} to ${left + width}`);
    canvases[0].setAttribute("aria-label", `${name}, ${COLOURS[colours.value]}, picture seed ${picture.value}`);
    shown.forEach((text, view) => canvases[view + 1].setAttribute("aria-label", `view ${view + 1} of the ${name}: ${text}`));
    status.say(`With the seed ${views.value} view 1 shows ${shown[0]} of the ${name}, view 2 ${shown[1]}.`);
  };
  const later = inFrame(draw);

  const figure = choice({ label: "Figure", options: classes, change: later });
  const picture = whole({ label: "Seed of the picture", value: 42, change: later });
  const colours = choice({ label: "Colours", options: COLOURS, change: later });
  const views = whole({ label: "Seed of the views", value: 201, change: later });
  const part = slider({
    label: "Smallest part of the area", min: 0.02, max: 1, step: 0.02, value: 0.8,
    show: (value) => `${Math.round(100 * value)} %`, change: later,
  });
  const jitter = slider({
    label: "Colour jitter", min: 0, max: 1, step: 0.05, value: 0.4, show: (value) => value.toFixed(2), change: later,
  });
  const blur = slider({
    label: "Largest blur", min: 0, max: 3, step: 0.1, value: 0,
    show: (value) => (value === 0 ? "none" : `${value.toFixed(1)} pixels`), change: later,
  });
  const again = button("Two other views", () => {
    views.input.value = (views.value + 1) % 4294967296;
    later();
  });

  const canvases = twoviews.canvases(3);
  const frames = [1, 2].map((view) => element("span", { className: `experiment-frame view-${view}` }));
  const titles = ["picture", "view 1", "view 2"];
  const pictures = canvases.map((canvas, i) => element("figure", {},
    element("div", { className: `experiment-picture ${i ? `view-${i}` : ""}` }, canvas, ...(i ? [] : frames)),
    element("figcaption", { "aria-hidden": "true" }, titles[i])));
  const status = announcer();
  parts.append(
    element("div", { className: "experiment-pictures" }, ...pictures),
    element("div", { className: "experiment-controls" },
      ...[figure, colours, picture, views, part, jitter, blur].map((control) => control.place), again),
    status.place,
  );
  return { draw, canvases };
});
