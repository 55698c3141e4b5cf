//! Tells when rust-analyzer builds a tree, by the spans in which it says so.

use std::cell::Cell;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// In these it builds a tree, of a file's text or of what a macro has given.
const TREES: [&str; 2] = ["build_tree", "parse_macro_expansion"];
/// In this one, within the second, it finds out what a macro gives.
const NO_TREE: &str = "macro_expand";

thread_local! {
    /// For each span that the thread is in, whether it builds a tree; the innermost is the lowest bit.
    static WITHIN: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn is_tree() -> bool {
    WITHIN.get() & 1 == 1
}

/// Looks at spans from now on.
pub(super) fn watch() {
    let _ = tracing::subscriber::set_global_default(Spans);
}

struct Spans;

impl Subscriber for Spans {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && (TREES.contains(&metadata.name()) || metadata.name() == NO_TREE)
    }

    /// The name says all that is asked.
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        Id::from_u64(if span.metadata().name() == NO_TREE { 2 } else { 1 })
    }

    fn enter(&self, span: &Id) {
        WITHIN.set(WITHIN.get() << 1 | (span.into_u64() & 1));
    }

    fn exit(&self, _: &Id) {
        WITHIN.set(WITHIN.get() >> 1);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}
}

#[cfg(test)]
pub(super) mod tests {
    use tracing::info_span;

    use super::*;

    /// As long as it lives, a tree is built.
    pub(crate) fn tree() -> impl Drop {
        info_span!("build_tree").entered()
    }

    #[test]
    fn the_innermost_span_tells() {
        watch();
        assert!(!is_tree());
        let expansion = info_span!("parse_macro_expansion").entered();
        assert!(is_tree());
        let other = info_span!("resolve_import").entered();
        assert!(is_tree());
        let expand = info_span!("macro_expand").entered();
        assert!(!is_tree());
        let tree = info_span!("build_tree").entered();
        assert!(is_tree());
        drop((tree, expand));
        assert!(is_tree());
        drop((other, expansion));
        assert!(!is_tree());
    }
}
