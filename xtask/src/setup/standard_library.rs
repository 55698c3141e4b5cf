//! The standard library's source, from which the kernel reads types.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::say::say;
use crate::tools;

/// For a download of three megabytes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Brings the standard library's source, as a component of the toolchain, and the crates that it
/// depends on: the kernel reads types from there, and works offline. Without them a notebook has to
/// write out the types of the standard library's values.
pub(super) fn ensure() -> Result<()> {
    let manifest = tools::sysroot()?.join("lib/rustlib/src/rust/library/Cargo.toml");
    if !manifest.exists() {
        say(
            "adding rust-src to the Rust toolchain, so that the kernel knows the types of variables",
        );
        let mut rustup = Command::new("rustup");
        // Anyone without a network, or with a toolchain of another origin, can do without.
        let added = tools::run_at_most(rustup.args(["component", "add", "rust-src"]), TIMEOUT);
        if added.is_err() || !manifest.exists() {
            say(
                "rust-src was not added: write the types of such variables out, as in `let v: Vec<f32>`",
            );
            return Ok(());
        }
    }
    let cargo = |command: &str, offline: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args([command, "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
        // As rust-analyzer does: the manifest uses features of cargo that are not stable.
        cargo.env("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
        cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_NET_OFFLINE", offline);
        cargo
    };
    let known = cargo("metadata", "true").arg("--format-version=1").output();
    if known.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    tools::run_beside(&mut cargo("fetch", "false"))
}
