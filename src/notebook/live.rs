//! Output that is redrawn in place.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use twoviews_constants::mime;

use super::Host;
use crate::Result;

/// What a display can show as a picture.
pub trait Figure {
    /// The picture as SVG text.
    ///
    /// # Errors
    /// If it cannot be drawn.
    fn svg(&self) -> Result<String>;

    /// A line for clients that show no pictures.
    fn text(&self) -> String;
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
        self.send(serde_json::json!({ mime: content }));
    }

    /// Shows a figure, with its title as the text for clients that show no pictures. One that cannot
    /// be drawn, such as a curve without a point yet, leaves what was there.
    pub fn show_figure(&self, figure: &impl Figure) {
        if let Ok(svg) = figure.svg() {
            self.send(serde_json::json!({"text/html": svg, "text/plain": figure.text()}));
        }
    }

    fn send(&self, data: serde_json::Value) {
        if Host::detect() != Host::TwoviewsKernel {
            return;
        }
        let op = if self.shown.swap(true, Ordering::Relaxed) { "update" } else { "display" };
        let body = serde_json::json!({"op": op, "display_id": self.id, "data": data});
        // The kernel's own display messages, which no other kernel is sent.
        let text = format!("EVCXR_BEGIN_CONTENT {}\n{body}\nEVCXR_END_CONTENT\n", mime::DISPLAY);
        // One write, so that no other thread's output comes between.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}
