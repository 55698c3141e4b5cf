// Turn the knobs: each augmentation at a strength of its own
//
// Lesson 03. It begins with a row of the lesson: crops of at least 60 % of its star.
"use strict";

twoviews.experiments.set("strengths", (parts, compute) => {
  const { element, slider, whole, choice, button, canvases, paint, readings, inFrame, announcer } = twoviews;
  const VIEWS = 6;
  const COLOURS = ["muted", "vivid"];
  const classes = compute.call("class_names").text().split("\n");
  let found = {};

  const draw = () => {
    compute.call("strengths", figure.value, picture.value, colours.value, ...all.map((it) => it.value), views.value);
    paint(drawings, compute.bytes());
    const [small, large, level, dark, light, colour, left, change, ...crops] = compute.numbers();
    found = { small, large, level, dark, light, colour, left, change };
    values.set("growth", large, `${small.toFixed(2)} to ${large.toFixed(2)}`);
    values.set("level", light - dark, `${dark.toFixed(0)} to ${light.toFixed(0)}`);
    values.set("colour", left, left.toFixed(1));
    values.set("change", change, change.toFixed(1));
    values.set("before", level, `${level.toFixed(0)}, ${colour.toFixed(1)}`);
    const name = classes[figure.value];
    drawings[0].setAttribute("aria-label", `${name}, ${COLOURS[colours.value]}, picture seed ${picture.value}`);
    for (let view = 0; view < VIEWS; view += 1) {
      const [top, left, height, width] = crops.slice(4 * view, 4 * view + 4);
      drawings[view + 1].setAttribute("aria-label", `view ${view + 1} of the ${name}: rows ${top + 1} to ${top + height}, `
        + `columns ${left + 1} to ${left + width}`);
    }
    const acting = all.filter((it) => it.value !== it.off).map((it) => `${it.name} ${it.input.getAttribute("aria-valuetext")}`);
    status.say(`${acting.length ? acting.join(", ") : "No augmentation"}: widths grow ${small.toFixed(2)} to ${large.toFixed(2)} times, `
      + `the mean level of ${level.toFixed(0)} becomes ${dark.toFixed(0)} to ${light.toFixed(0)}, colour of ${colour.toFixed(1)} `
      + `levels becomes ${left.toFixed(1)}, and pixels change by ${change.toFixed(1)} levels.`);
  };
  const later = inFrame(draw);

  const figure = choice({ label: "Figure", options: classes, change: later });
  figure.input.value = 4;
  const picture = whole({ label: "Seed of the picture", value: 42, change: later });
  const colours = choice({ label: "Colours", options: COLOURS, change: later });
  const views = whole({ label: "Seed of the views", value: 301, change: later });
  const percent = (value) => `${Math.round(100 * value)} %`;
  const often = (value) => ({ 0: "never", 1: "always" })[value] ?? percent(value);
  const strength = (value) => (value === 0 ? "none" : value.toFixed(2));
  // In the order in which they act; the lesson's set of all views is `set`.
  const all = [
    { name: "crop", label: "Crop: smallest part of the area", min: 0.02, max: 1, step: 0.02, off: 1, set: 0.6, show: percent },
    { name: "mirror", label: "Mirror: how often", min: 0, max: 1, step: 0.05, off: 0, set: 0.5, show: often },
    { name: "turn", label: "Quarter turns: how often", min: 0, max: 1, step: 0.05, off: 0, set: 1, show: often },
    { name: "light", label: "Light: brightness and contrast", min: 0, max: 1, step: 0.05, off: 0, set: 0.4, show: strength },
    { name: "hue", label: "Hue: part of a whole turn", min: 0, max: 0.5, step: 0.05, off: 0, set: 0, show: strength },
    { name: "grey", label: "Grey: how often", min: 0, max: 1, step: 0.05, off: 0, set: 1, show: often },
    {
      name: "blur", label: "Blur: largest width", min: 0, max: 3, step: 0.1, off: 0, set: 0,
      show: (value) => (value === 0 ? "none" : `${value.toFixed(1)} pixels`),
    },
  ].map((it) => {
    const control = slider({ ...it, value: it.off, change: later });
    return { ...it, place: control.place, input: control.input, tell: control.tell, get value() { return control.value; } };
  });
  const turn = (to) => {
    for (const it of all) {
      it.input.value = to(it);
      it.tell();
    }
    later();
  };
  const buttons = [
    button("Six other views", () => {
      views.input.value = (views.value + 1) % 4294967296;
      later();
    }),
    button("All off", () => turn((it) => it.off)),
    button("All as in the lesson", () => turn((it) => it.set)),
  ];

  const drawings = canvases(1 + VIEWS);
  const values = readings({
    before: "the picture: mean level, colour", level: "the views: mean level", colour: "the views: colour, mean",
    growth: "figures grow in width, times", change: "pixels change by, mean",
  });
  const status = announcer();
  status.place.classList.add("experiment-hidden");
  parts.append(
    element("div", { className: "experiment-row-of-views" }, ...drawings.map((canvas, i) => element("figure", {},
      element("div", { className: "experiment-picture" }, canvas),
      element("figcaption", { "aria-hidden": "true" }, i ? `view ${i}` : "picture")))),
    values.place,
    element("p", { className: "experiment-source" },
      "In levels, 0 to 255; colour is the difference of a pixel's largest and smallest channel. A crop is scaled back to "
      + "32 x 32 pixels, so the figure grows. Where two numbers stand, the six views lie between them."),
    element("div", { className: "experiment-controls" },
      ...[figure, colours, picture, views, ...all].map((control) => control.place),
      element("div", { className: "experiment-buttons" }, ...buttons)),
    status.place,
  );
  all[0].input.value = 0.6;
  all[0].tell();
  return { draw, numbers: () => found };
});
