//! What a cell shows below itself.

/// Hands evcxr one thing in two forms: `text` for clients that show nothing else, and `content` of a MIME
/// type.
pub(crate) fn show_with_text(text: &str, mime: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT text/plain\n{text}\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT");
}
