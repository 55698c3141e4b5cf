// Puts the experiments into the page: each place that is marked `data-experiment` is filled once the program runs.
"use strict";

(() => {
  let numbers = 0;
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name in made && name !== "list") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };

  // A control under its label. `show` says what a value means, to the eye and to a screen reader.
  const labelled = (label, control, ...after) => {
    control.id = `experiment-control-${++numbers}`;
    return element("div", { className: "experiment-control" },
      element("label", { htmlFor: control.id }, label), control, ...after);
  };

  const slider = ({ label, min, max, step, value, show = String, change }) => {
    const input = element("input", { type: "range", min, max, step });
    input.value = value;
    const shown = element("span", { className: "experiment-value", "aria-hidden": "true" });
    const tell = () => {
      shown.textContent = show(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => { tell(); change(); });
    tell();
    return { place: labelled(label, input, shown), input, tell, get value() { return Number(input.value); } };
  };

  const whole = ({ label, max = 4294967295, value, change }) => {
    const input = element("input", { type: "number", min: 0, max, step: 1, inputMode: "numeric" });
    input.value = value;
    input.addEventListener("input", () => { if (input.validity.valid && input.value !== "") change(); });
    return { place: labelled(label, input), input, get value() { return Number(input.value); } };
  };

  const choice = ({ label, options, change }) => {
    const input = element("select", {}, ...options.map((text, value) => element("option", { value }, text)));
    input.addEventListener("change", change);
    return { place: labelled(label, input), input, get value() { return Number(input.value); } };
  };

  const button = (text, press) => element("button", { type: "button", onclick: press }, text);

  // Numbers under their labels, each by its name.
  const readings = (labels) => {
    const values = new Map(Object.keys(labels).map((name) => [name, element("data")]));
    const rows = Object.entries(labels).map(([name, label]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, values.get(name))));
    const set = (name, value, text) => { Object.assign(values.get(name), { value, textContent: text }); };
    return { place: element("dl", { className: "experiment-values" }, ...rows), set };
  };

  // A canvas that is drawn at the screen's own resolution, `room` of the page's pixels at first. Gives a function that
  // empties it and says its context, its size, and the `ratio` of the screen's pixels to the page's; `changed` is called when its
  // room is another.
  const sharp = (canvas, room, changed) => {
    // To ask for the size while drawing would lay out the whole page once more.
    new ResizeObserver(([{ contentRect }]) => {
      room = [contentRect.width, contentRect.height];
      changed();
    }).observe(canvas);
    return () => {
      const ratio = globalThis.devicePixelRatio || 1;
      const [width, height] = room.map((side) => Math.round(side * ratio));
      Object.assign(canvas, { width, height });
      return { context: canvas.getContext("2d"), width, height, ratio };
    };
  };

  // Drawings of Shapes10's size, and what fills them from RGBA, one after the other.
  const SIDE = 32;
  const canvases = (count) =>
    Array.from({ length: count }, () => element("canvas", { width: SIDE, height: SIDE, role: "img" }));
  const paint = (canvases, pixels) => {
    const length = 4 * SIDE * SIDE;
    for (const [i, canvas] of canvases.entries()) {
      const image = new ImageData(pixels.slice(i * length, (i + 1) * length), SIDE, SIDE);
      canvas.getContext("2d").putImageData(image, 0, 0);
    }
  };

  // Runs once in a frame, however often it is asked to.
  const inFrame = (work) => {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; work(); });
    };
  };

  // A line that screen readers say when the reader has come to rest, not at each step of a slider.
  const announcer = () => {
    const place = element("p", { className: "experiment-status", role: "status" });
    let timer;
    const say = (text) => {
      clearTimeout(timer);
      timer = setTimeout(() => { if (place.textContent !== text) place.textContent = text; }, 400);
    };
    return { place, say };
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // What an experiment throws when the page has not what it needs.
  class Unable extends Error {}

  Object.assign(twoviews, { Unable, element, slider, whole, choice, button, readings, sharp, canvases, paint, inFrame, announcer, colour });

  const unable = (places, why) => {
    for (const place of places) {
      const line = place.querySelector(".experiment-note");
      line.textContent = `${why} What the run has shown stands on this page all the same.`;
    }
  };

  const start = async () => {
    const places = [...document.querySelectorAll("[data-experiment]")];
    if (places.length === 0) return;
    if (typeof WebAssembly === "undefined") {
      unable(places, "There is nothing to turn here: this browser has no WebAssembly.");
      return;
    }
    let compute;
    try {
      compute = await twoviews.Compute.open(twoviews.fromBase64(twoviews.module));
    } catch (error) {
      unable(places, `There is nothing to turn here: this browser does not run WebAssembly (${error.message}).`);
      return;
    }
    for (const place of places) {
      const name = place.dataset.experiment;
      try {
        const parts = element("div", { className: "experiment-parts" });
        const running = twoviews.experiments.get(name)(parts, compute, twoviews.data.get(name));
        place.querySelector(".experiment-note").replaceWith(parts);
        running.draw();
        twoviews.running.set(name, running);
        // Colours of the page are used in drawings.
        new MutationObserver(running.draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
      } catch (error) {
        const why = error instanceof Unable ? "There is nothing to turn here" : "This experiment has failed";
        unable([place], `${why}: ${error.message}.`);
      }
    }
  };
  document.addEventListener("DOMContentLoaded", start);
})();
