// The crate in a page: calls of its WebAssembly, and what experiments and their data are called.
"use strict";

globalThis.twoviews = (() => {
  const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  // Functions that answer 1, or 0 and a message; see web/src/exports.rs.
  class Compute {
    constructor(exports) {
      this.exports = exports;
    }

    static async open(module) {
      const { instance } = await WebAssembly.instantiate(module, {});
      return new Compute(instance.exports);
    }

    call(name, ...values) {
      if (this.exports[name](...values) !== 1) throw new Error(this.text("message"));
      return this;
    }

    // Lies in the program's memory until the next call.
    bytes(name = "bytes") {
      const { memory, [name]: start, [`${name}_length`]: length } = this.exports;
      return new Uint8ClampedArray(memory.buffer, start(), length());
    }

    text(name = "bytes") {
      return new TextDecoder().decode(this.bytes(name));
    }

    // A copy.
    numbers() {
      const { memory, numbers, numbers_length: length } = this.exports;
      return new Float64Array(memory.buffer, numbers(), length()).slice();
    }

    give(bytes) {
      const place = this.exports.input(bytes.length);
      new Uint8Array(this.exports.memory.buffer).set(bytes, place);
    }
  }

  return {
    Compute,
    fromBase64,
    // The program in base64, because a page that is opened from disk may fetch nothing.
    module: null,
    // By name: what makes the controls of an experiment, and the data of a lesson's run.
    experiments: new Map(),
    data: new Map(),
    // Those that the page shows, for tests.
    running: new Map(),
  };
})();
