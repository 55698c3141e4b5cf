//! What the kernel says about itself.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::protocol::PROTOCOL;

/// Asks rustc for its version while the kernel starts, so that nobody waits for the answer.
pub(crate) fn prepare() {
    std::thread::spawn(rust_version);
}

/// The version where there is no compiler.
const UNKNOWN: &str = "unknown";
/// What to know and do then.
const NO_COMPILER: &str =
    "rustc is not there: no cell will compile; install Rust from https://rustup.rs";

/// Why evcxr does not start, with what this machine lacks.
pub(crate) fn explained(error: &str) -> String {
    if rust_version() == UNKNOWN { format!("{NO_COMPILER} ({error})") } else { error.to_owned() }
}

/// The version of the compiler that compiles the cells, such as `1.95.0`.
fn rust_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let output = Command::new("rustc").arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = text.ok().and_then(|text| Some(text.split(' ').nth(1)?.to_owned()));
        version.unwrap_or_else(|| {
            eprintln!("{NO_COMPILER}");
            UNKNOWN.to_owned()
        })
    })
}

/// The content of a `kernel_info_reply`.
pub(crate) fn reply() -> Value {
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "twoviews-kernel",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "rust",
            "version": rust_version(),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": "twoviews: Rust notebooks, live",
        "debugger": false,
        "help_links": [{"text": "Rust standard library", "url": "https://doc.rust-lang.org/std/"}],
    })
}
