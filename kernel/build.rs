//! Lets the libraries that the kernel loads find its `read` (see `src/child/input.rs`) and what they call
//! when they panic (see `src/child/backtraces.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        for symbol in ["read", "twoviews_panicked"] {
            println!(
                "cargo:rustc-link-arg-bin=twoviews-kernel=-Wl,--export-dynamic-symbol={symbol}"
            );
        }
    }
}
