//! Finds libtorch before anything heavy is compiled, and lets the linked programs find it later.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    if env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed=build.rs");
    // `.cargo/config.toml` sets LIBTORCH; without it (as a path dependency of a notebook's crate,
    // started outside this folder) the place next to this file is meant.
    let libtorch = env::var_os("LIBTORCH").map_or_else(
        || PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(".libtorch"),
        PathBuf::from,
    );
    let library = libtorch.join("lib");
    if !library.is_dir() {
        println!(
            "cargo:error=libtorch is not at {}: run `cargo xtask setup` once, or set LIBTORCH to a \
             folder with libtorch 2.13.0",
            libtorch.display()
        );
        return;
    }
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        shim(&libtorch);
    }
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("unix")) {
        // Not `-Wl,-rpath,`, which ends at a comma in the path.
        for argument in ["-Xlinker", "-rpath", "-Xlinker", &library.display().to_string()] {
            println!("cargo:rustc-link-arg={argument}");
        }
    }
}

/// Compiles what tch does not hand on, against the same headers as torch-sys.
fn shim(libtorch: &Path) {
    let source = "src/libtorch/shim.cpp";
    println!("cargo:rerun-if-changed={source}");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    let include = libtorch.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .includes([include.join("torch/csrc/api/include"), include])
        .file(source)
        .compile("twoviews_shim");
}
