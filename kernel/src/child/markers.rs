//! What the process of the cells writes among their output, and the kernel reads there.
//!
//! A marker is [`OPEN`], a name, fields, each behind a [`FIELD`], and [`CLOSE`].

/// Names the kernel's socket, in the process of the cells.
pub(crate) const SOCKET: &str = "TWOVIEWS_KERNEL_SOCKET";
/// Begins a marker.
pub(crate) const OPEN: &str = "\u{1}TWOVIEWS-";
/// Before each field of a marker.
pub(crate) const FIELD: char = '\u{2}';
pub(crate) const CLOSE: char = '\u{1}';
/// Written to both outputs when a cell has ended.
pub(crate) const END: &str = "\u{1}TWOVIEWS-END\u{1}";
/// The name of a marker: the cell was asked to stop before it began, and does not run.
pub(crate) const NOT_RUN: &str = "NOT-RUN";
/// Sent alone in the place of a line: the input has ended.
pub(crate) const END_OF_INPUT: u8 = 4;
/// The file that evcxr makes of all cells.
pub(crate) const CELLS: &str = "src/lib.rs";

/// A marker with its fields.
pub(super) fn marker(name: &str, fields: &[&str]) -> String {
    let fields: String = fields.iter().map(|field| format!("{FIELD}{field}")).collect();
    format!("{OPEN}{name}{fields}{CLOSE}")
}
