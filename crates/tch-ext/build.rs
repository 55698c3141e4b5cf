//! Finds libtorch before anything heavy is compiled, and compiles what tch does not hand on.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-changed=build.rs");
    // `.cargo/config.toml` sets LIBTORCH; without it (below a path dependency of a notebook's crate,
    // started outside the project's folder) the place in that folder is meant.
    let libtorch = env::var_os("LIBTORCH").map_or_else(
        || {
            let project = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
            project.ancestors().nth(2).unwrap_or(&project).join(".libtorch")
        },
        PathBuf::from,
    );
    let library = libtorch.join("lib");
    if !library.is_dir() {
        println!(
            "cargo::error=libtorch is not at {}: run `cargo xtask setup` once, or set LIBTORCH to a \
             folder with libtorch 2.13.0",
            libtorch.display()
        );
        return;
    }
    shim(&libtorch);
    // To the build scripts of the crates that depend on this one: linker arguments reach only the
    // programs of the crate that asks for them.
    println!("cargo::metadata=library={}", library.display());
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("unix")) {
        // Not `-Wl,-rpath,`, which ends at a comma in the path.
        for argument in ["-Xlinker", "-rpath", "-Xlinker", &library.display().to_string()] {
            println!("cargo::rustc-link-arg={argument}");
        }
    }
}

/// Compiles the shim against the same headers as torch-sys.
fn shim(libtorch: &Path) {
    let source = "src/shim.cpp";
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    let include = libtorch.join("include");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .includes([include.join("torch/csrc/api/include"), include])
        .file(source);
    let has_cuda = libtorch.join("lib/libtorch_cuda.so").exists();
    if has_cuda {
        build.define("WITH_CUDA", None);
    }
    build.compile("twoviews_shim");
    if has_cuda {
        // After the shim, which refers to it.
        println!("cargo::rustc-link-lib=dylib=torch_cuda");
    }
}
