//! A panic in a cell: told by the process of the cells, read by the kernel.

use std::path::Path;

/// Between two frames.
pub(super) const FRAME_END: &str = "\u{3}";

/// A panic, as the process of the cells tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Panic {
    /// The innermost first.
    pub frames: Vec<Frame>,
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Panic {
    /// A panic from the fields of its marker, and the name of the thread; of the main thread, nothing.
    pub(crate) fn of_fields(fields: &[String]) -> (&str, Self) {
        let field = |i: usize| fields.get(i).map(String::as_str).unwrap_or_default();
        let panic = Self {
            frames: Frame::of_text(field(1)),
            file: field(2).to_owned(),
            line: field(3).parse().unwrap_or(0),
            column: field(4).parse().unwrap_or(1),
            message: field(5).to_owned(),
        };
        (field(0), panic)
    }

    /// Whether the process cannot go on: a panic in a destructor, or where C would have to unwind.
    pub(crate) fn is_the_end(&self) -> bool {
        ["panic in a function that cannot unwind", "panic in a destructor during cleanup"]
            .contains(&self.message.as_str())
    }
}

/// A function of a cell that was running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The library, by its number.
    pub build: u32,
    pub function: String,
    pub line: usize,
    pub column: usize,
}

impl Frame {
    pub(super) fn to_text(&self) -> String {
        format!("{} {} {} {}", self.build, self.line, self.column, self.function)
    }

    /// Frames as [`twoviews_panicked`](super::backtraces::twoviews_panicked) writes them.
    fn of_text(text: &str) -> Vec<Self> {
        let frame = |text: &str| {
            let mut words = text.splitn(4, ' ');
            let mut number = || words.next()?.parse::<usize>().ok();
            let (build, line, column) = (number()? as u32, number()?, number()?);
            Some(Self { build, line, column, function: words.next()?.to_owned() })
        };
        text.split(FRAME_END).filter_map(frame).collect()
    }
}

/// `17` of `…/libcode_17.so`.
pub(crate) fn library_number(library: &Path) -> Option<u32> {
    library.file_stem()?.to_str()?.strip_prefix("libcode_")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let frames = [("loss", 3), ("<A as B>::f", 4)].map(|(function, line)| Frame {
            build: 7,
            function: function.to_owned(),
            line,
            column: 1,
        });
        let text = frames.each_ref().map(Frame::to_text).join(FRAME_END);
        assert_eq!(Frame::of_text(&text), frames);
        assert_eq!(Frame::of_text(""), []);
        assert_eq!(library_number(Path::new("/a/libcode_17.so")), Some(17));
        assert_eq!(library_number(Path::new("/a/libtorch_cpu.so")), None);
    }
}
