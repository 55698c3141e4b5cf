//! What the kernel says about itself.

use crate::build::compilers::rust_version;
use crate::protocol::{HelpLink, KernelInfo, LanguageInfo, PROTOCOL};

/// The content of a `kernel_info_reply`.
pub(super) fn kernel_info() -> KernelInfo {
    KernelInfo {
        protocol_version: PROTOCOL,
        implementation: "twoviews-kernel",
        implementation_version: env!("CARGO_PKG_VERSION"),
        language_info: LanguageInfo {
            name: "rust",
            version: rust_version(),
            mimetype: "text/rust",
            file_extension: ".rs",
            pygments_lexer: "rust",
            codemirror_mode: "rust",
            nbconvert_exporter: "script",
        },
        banner: format!(
            "Rust {} in twoviews-kernel {}. :help lists commands, :quit ends a console.",
            rust_version(),
            env!("CARGO_PKG_VERSION")
        ),
        debugger: false,
        help_links: [HelpLink {
            text: "Rust standard library",
            url: "https://doc.rust-lang.org/std/",
        }],
    }
}
