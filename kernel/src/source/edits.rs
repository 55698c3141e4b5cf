//! Changes to a text that keep its lines, and the way back from the changed text to the original.

use std::ops::Range;

/// Insertions and replacements, each at a place of the original text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits(Vec<Edit>);

#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    text: String,
}

/// A text before and after its edits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edited {
    pub original: String,
    pub text: String,
    /// In the order of the text.
    edits: Vec<Edit>,
}

impl Edits {
    /// Inserts `text` before the byte at `at`; several insertions at one place keep their order.
    pub(crate) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Replaces a range, which overlaps no other that is replaced.
    pub(crate) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push(Edit { range, text: text.into() });
    }

    /// Takes a range out, but for its ends of lines.
    pub(crate) fn blank(&mut self, range: Range<usize>, original: &str) {
        let lines = original[range.clone()].matches('\n').count();
        self.replace(range, "\n".repeat(lines));
    }

    pub(crate) fn apply(mut self, original: &str) -> Edited {
        self.0.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let (mut text, mut at) = (String::with_capacity(original.len() * 2), 0);
        for edit in &self.0 {
            text.push_str(&original[at..edit.range.start]);
            text.push_str(&edit.text);
            at = edit.range.end;
        }
        text.push_str(&original[at..]);
        Edited { original: original.to_owned(), text, edits: self.0 }
    }
}

impl Edited {
    /// The line and column (from 1, in characters) of the original for those of the edited text;
    /// what was inserted stands for the place where it was inserted.
    pub(crate) fn original_place(&self, line: usize, column: usize) -> (usize, usize) {
        place_of(&self.original, self.original_offset(offset_of(&self.text, line, column)))
    }

    /// Whether a place of the edited text lies in what was inserted.
    pub(crate) fn is_inserted(&self, line: usize, column: usize) -> bool {
        let offset = offset_of(&self.text, line, column);
        self.pieces().any(|(start, edit)| (start..start + edit.text.len()).contains(&offset))
    }

    /// The place in the edited text of a byte of the original, after what was inserted there.
    pub(crate) fn edited_offset(&self, offset: usize) -> usize {
        let before = self.pieces().take_while(|(_, edit)| edit.range.end <= offset);
        before
            .last()
            .map_or(offset, |(start, edit)| start + edit.text.len() + (offset - edit.range.end))
    }

    /// This text with insertions before everything else.
    pub(crate) fn with_prefix(mut self, prefix: &str) -> Self {
        self.text.insert_str(0, prefix);
        self.edits.insert(0, Edit { range: 0..0, text: prefix.to_owned() });
        self
    }

    fn original_offset(&self, offset: usize) -> usize {
        let (mut original, mut edited) = (0, 0);
        for (start, edit) in self.pieces() {
            if offset < start {
                break;
            }
            if offset < start + edit.text.len() {
                return edit.range.start;
            }
            (original, edited) = (edit.range.end, start + edit.text.len());
        }
        (original + (offset - edited)).min(self.original.len())
    }

    /// Each edit with the place of its text in the edited text.
    fn pieces(&self) -> impl Iterator<Item = (usize, &Edit)> {
        let (mut original, mut edited) = (0, 0);
        self.edits.iter().map(move |edit| {
            let start = edited + (edit.range.start - original);
            (original, edited) = (edit.range.end, start + edit.text.len());
            (start, edit)
        })
    }
}

/// The line and column, from 1 and in characters, of a byte.
pub(crate) fn place_of(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// The byte at a line and column; the end of the line where that is shorter.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line = text[start..].split('\n').next().unwrap_or_default();
    let within = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    start + within
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_are_found_again() {
        let original = "let ä = 1;\nf(ä)";
        let mut edits = Edits::default();
        edits.insert(3, "/*1*/");
        edits.insert(12, "match &(");
        edits.insert(original.len(), ") {}");
        let edited = edits.apply(original);
        assert_eq!(edited.text, "let/*1*/ ä = 1;\nmatch &(f(ä)) {}");
        assert_eq!(edited.original_place(1, 10), (1, 5));
        assert_eq!(edited.original_place(2, 11), (2, 3));
        assert_eq!(edited.original_place(2, 3), (2, 1), "what was inserted");
        assert!(edited.is_inserted(1, 5) && !edited.is_inserted(1, 10));
    }

    fn of(letters: &'static [char], length: Range<usize>) -> impl Strategy<Value = String> {
        let letters = prop::collection::vec(prop::sample::select(letters), length);
        letters.prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn what_was_not_inserted_keeps_its_place(
            text in of(&['a', 'ä', '\n'], 0..41),
            inserted in prop::collection::vec((0usize..40, of(&['b', 'ö'], 1..5)), 0..5),
        ) {
            let mut edits = Edits::default();
            for (at, piece) in inserted {
                edits.insert(text.floor_char_boundary(at.min(text.len())), piece);
            }
            let edited = edits.apply(&text);
            let kept = edited.text.char_indices().filter(|(_, c)| "aä\n".contains(*c));
            for ((from, _), (to, _)) in kept.zip(text.char_indices()) {
                let (line, column) = place_of(&edited.text, from);
                prop_assert_eq!(edited.original_place(line, column), place_of(&text, to));
            }
        }
    }
}
