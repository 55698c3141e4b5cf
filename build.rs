//! Lets the linked programs find libtorch, which the build script of `crates/tch-ext` has found.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Ok(library) = env::var("DEP_TWOVIEWS_SHIM_LIBRARY") else { return };
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("unix")) {
        // Not `-Wl,-rpath,`, which ends at a comma in the path.
        for argument in ["-Xlinker", "-rpath", "-Xlinker", &library] {
            println!("cargo::rustc-link-arg={argument}");
        }
    }
}
