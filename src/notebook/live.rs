//! Output that is redrawn in place.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use twoviews_constants::mime;

use super::{Bundle, Host};
use crate::Result;

/// What a display can show as a picture.
pub trait Figure {
    /// The picture as SVG text.
    ///
    /// # Errors
    /// If it cannot be drawn.
    fn svg(&self) -> Result<String>;

    /// What it shows in words, for clients that show no pictures and readers who do not see them.
    fn text(&self) -> String;

    /// All its forms; without a form of its own for those who do not trust a notebook's SVG, such as
    /// JupyterLab after a download, only the SVG and the text.
    ///
    /// # Errors
    /// If it cannot be drawn.
    fn bundle(&self) -> Result<Bundle> {
        Ok(Bundle::new(&self.text()).with("image/svg+xml", self.svg()?))
    }
}

/// One place below a cell whose content is replaced, with Jupyter's `display_data` and
/// `update_display_data`.
///
/// Only this project's kernel can do that. Elsewhere [`show`](Self::show) does nothing, and the
/// final state is to be shown at the end as any other output.
///
/// ```
/// use twoviews::notebook::LiveDisplay;
/// let display = LiveDisplay::new("loss");
/// display.show("text/plain", "4.1");
/// display.show("text/plain", "3.9");
/// ```
#[derive(Debug)]
pub struct LiveDisplay {
    id: String,
    shown: AtomicBool,
}

impl LiveDisplay {
    /// A place named `what`; nothing is shown yet.
    pub fn new(what: &str) -> Self {
        // Cells may have their own copy of the counter: the time tells their displays apart.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        Self { id: format!("{what}-{now}-{number}"), shown: AtomicBool::new(false) }
    }

    /// Shows `content` of a MIME type in the place of what was there.
    pub fn show(&self, mime: &str, content: &str) {
        self.send(serde_json::json!({ mime: content }), serde_json::json!({}));
    }

    /// Shows a figure in all its forms, so that a stored notebook keeps the last state as any other
    /// figure. One that cannot be drawn, such as a curve without a point yet, leaves what was there.
    pub fn show_figure(&self, figure: &impl Figure) {
        if Host::detect() != Host::TwoviewsKernel {
            return;
        }
        if let Ok(bundle) = figure.bundle() {
            self.send(bundle.data(), bundle.metadata());
        }
    }

    fn send(&self, data: serde_json::Value, metadata: serde_json::Value) {
        if Host::detect() != Host::TwoviewsKernel {
            return;
        }
        let op = if self.shown.swap(true, Ordering::Relaxed) { "update" } else { "display" };
        let body = serde_json::json!({
            "op": op, "display_id": self.id, "data": data, "metadata": metadata
        });
        // The kernel's own display messages, which no other kernel is sent.
        let text = format!("EVCXR_BEGIN_CONTENT {}\n{body}\nEVCXR_END_CONTENT\n", mime::DISPLAY);
        // One write, so that no other thread's output comes between.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}
