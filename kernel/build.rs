//! Lets the libraries that the kernel loads find its `read` (see `src/stdin.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-link-arg-bin=twoviews-kernel=-Wl,--export-dynamic-symbol=read");
    }
}
