//! One thing in several forms, as notebooks store it.

use std::io::Write;

use serde_json::{Map, Value, json};
use twoviews_constants::mime;

use super::Host;

/// A thing in several forms by MIME type, stored as one output: each client shows the best form that
/// it knows and trusts.
///
/// Its text is both the form for clients that show no pictures and, as `alt` in the output's
/// metadata, the text for readers who do not see them.
///
/// ```
/// use twoviews::notebook::Bundle;
/// let point = "<svg xmlns='http://www.w3.org/2000/svg'><circle r='9'/></svg>";
/// Bundle::new("A point.").with("image/svg+xml", point).show();
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    text: String,
    forms: Vec<(String, String)>,
}

impl Bundle {
    /// A thing of which there is only a text yet.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), forms: Vec::new() }
    }

    /// With another form; binary ones are encoded by base64, as Jupyter wants them.
    #[must_use]
    pub fn with(mut self, mime: &str, content: impl Into<String>) -> Self {
        self.forms.push((mime.to_owned(), content.into()));
        self
    }

    /// All forms by MIME type, the text among them, as Jupyter's messages and notebooks have them.
    pub fn data(&self) -> Value {
        let forms = self.forms.iter().map(|(mime, content)| (mime.clone(), json!(content)));
        Value::Object(
            [("text/plain".to_owned(), json!(self.text))]
                .into_iter()
                .chain(forms)
                .collect::<Map<_, _>>(),
        )
    }

    /// What messages and notebooks store beside the forms: the text as `alt`.
    pub fn metadata(&self) -> Value {
        json!({"alt": self.text})
    }

    /// Shows it below a notebook's cell; elsewhere, prints its text.
    pub fn show(&self) {
        let written = match Host::detect() {
            Host::TwoviewsKernel => self.blocks(true),
            Host::StockEvcxr => self.blocks(false),
            Host::Terminal | Host::Pipe => format!("{}\n", self.text),
        };
        // One write, so that no other thread's output comes between.
        let _ = std::io::stdout().lock().write_all(written.as_bytes());
    }

    /// As evcxr takes rich output from a cell's standard output; metadata is for our kernel only.
    fn blocks(&self, with_metadata: bool) -> String {
        let mut blocks = block("text/plain", &self.text);
        for (mime, content) in &self.forms {
            blocks += &block(mime, content);
        }
        // A text needs no text beside it.
        if with_metadata && !self.forms.is_empty() {
            blocks += &block(mime::METADATA, &self.metadata().to_string());
        }
        blocks
    }
}

fn block(mime: &str, content: &str) -> String {
    format!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_one_another_with_the_metadata_last() {
        let bundle =
            Bundle::new("A \"b\".").with("image/svg+xml", "<svg/>").with("image/png", "iVBO");
        let expected = "EVCXR_BEGIN_CONTENT text/plain\nA \"b\".\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT image/svg+xml\n<svg/>\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT image/png\niVBO\nEVCXR_END_CONTENT\n";
        assert_eq!(bundle.blocks(false), expected);
        let metadata = "EVCXR_BEGIN_CONTENT application/x-twoviews-metadata+json\n\
                        {\"alt\":\"A \\\"b\\\".\"}\nEVCXR_END_CONTENT\n";
        assert_eq!(bundle.blocks(true), format!("{expected}{metadata}"));
        assert_eq!(Bundle::new("1").blocks(true), block("text/plain", "1"));
        let data =
            json!({"text/plain": "A \"b\".", "image/svg+xml": "<svg/>", "image/png": "iVBO"});
        assert_eq!(bundle.data(), data);
    }
}
