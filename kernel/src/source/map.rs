//! From a place in what was compiled to the cell, line and column where the user wrote it.
//!
//! evcxr puts statements and items of many cells into one file, each from a new line on and otherwise
//! as it stands. Each carries a comment with a number; the number leads here.

use std::collections::BTreeMap;

use super::edits::{Edited, place_of};

const OPEN: &str = "/*twoviews:";
const CLOSE: &str = "*/";

/// A cell that was sent to evcxr.
#[derive(Clone, Debug)]
pub(crate) struct CellText {
    /// The number that the user sees beside it.
    pub count: i64,
    pub edited: Edited,
}

/// A statement or an item.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The cell, by its place in [`SourceMap`].
    pub cell: usize,
    /// What a user would call it, if it is an item.
    pub title: Option<String>,
    /// The place of its comment in the cell's edited text.
    pub line: usize,
    pub column: usize,
    /// Lines that belong to it before and after that of the comment.
    pub before: usize,
    pub after: usize,
    /// Columns before it in its first line, where that is another one.
    pub indent: usize,
}

/// Where a statement or item stands in a compiled file.
#[derive(Clone, Copy, Debug)]
struct Found {
    segment: usize,
    line: usize,
    column: usize,
}

/// A compiled file: from the first line of each segment to the segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Build {
    found: BTreeMap<usize, Found>,
    /// What each `use` line of the file says: evcxr writes these anew, without their comments.
    imports: BTreeMap<usize, String>,
}

/// A place in a cell, from 1 and in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub cell: usize,
    pub segment: Option<usize>,
    pub line: usize,
    pub column: usize,
    /// The place lies in what the kernel has put there.
    pub is_inserted: bool,
}

impl Place {
    /// That of a byte of a cell's code, as the user wrote it.
    pub(crate) fn of(cell: usize, code: &str, at: usize) -> Self {
        let (line, column) = place_of(code, at);
        Self { cell, segment: None, line, column, is_inserted: false }
    }
}

/// All cells, and where their parts begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceMap {
    cells: Vec<CellText>,
    segments: Vec<Segment>,
    /// Where each name was imported last.
    imports: BTreeMap<String, (usize, usize)>,
}

/// The comment of a segment.
pub(crate) fn comment(segment: usize) -> String {
    format!("{OPEN}{segment}{CLOSE}")
}

/// The segment of the first comment in a text.
pub(crate) fn first_segment(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(OPEN)?;
    rest.split(CLOSE).next()?.parse().ok()
}

impl SourceMap {
    /// The number that the next cell gets, and that of the next segment.
    pub(crate) fn next(&self) -> (usize, usize) {
        (self.cells.len(), self.segments.len())
    }

    pub(crate) fn push(&mut self, cell: CellText, segments: Vec<Segment>) {
        self.cells.push(cell);
        self.segments.extend(segments);
    }

    pub(crate) fn import(&mut self, name: &str, cell: usize, line: usize) {
        self.imports.insert(name.to_owned(), (cell, line));
    }

    pub(crate) fn cell(&self, cell: usize) -> &CellText {
        &self.cells[cell]
    }

    pub(crate) fn segment(&self, segment: usize) -> &Segment {
        &self.segments[segment]
    }

    /// Finds the segments in a file that evcxr has written.
    pub(crate) fn build(&self, source: &str) -> Build {
        let mut build = Build::default();
        for (i, line) in source.lines().enumerate() {
            if let Some(import) = line.trim().strip_prefix("use ")
                && !line.contains(OPEN)
            {
                build.imports.insert(i + 1, import.to_owned());
            }
            for (at, _) in line.match_indices(OPEN) {
                let Some(segment) = first_segment(&line[at..]) else { continue };
                let Some(known) = self.segments.get(segment) else { continue };
                let column = line[..at].chars().count() + 1;
                let first = (i + 1).saturating_sub(known.before);
                build.found.insert(first, Found { segment, line: i + 1, column });
            }
        }
        build
    }

    /// The place in a cell for a line and column of a compiled file.
    pub(crate) fn place(&self, build: &Build, line: usize, column: usize) -> Option<Place> {
        if let Some((_, found)) = build.found.range(..=line).next_back() {
            let segment = &self.segments[found.segment];
            let first = found.line.saturating_sub(segment.before);
            if line <= found.line + segment.after {
                let cell_line = (segment.line + line).checked_sub(found.line)?;
                // Only the lines that the comment and the segment begin in were moved.
                let moved = if line == found.line {
                    segment.column as i64 - found.column as i64
                } else if line == first {
                    segment.indent as i64
                } else {
                    0
                };
                let column = (column as i64 + moved).max(1) as usize;
                let edited = &self.cells[segment.cell].edited;
                let (original_line, original_column) = edited.original_place(cell_line, column);
                return Some(Place {
                    cell: segment.cell,
                    segment: Some(found.segment),
                    line: original_line,
                    column: original_column,
                    is_inserted: edited.is_inserted(cell_line, column),
                });
            }
        }
        self.import_place(build.imports.get(&line)?, column)
    }

    /// The place of a word in a `use` line that evcxr has written: `use ` and this text.
    fn import_place(&self, import: &str, column: usize) -> Option<Place> {
        let name = import.trim_end_matches(';').rsplit(" as ").next()?.rsplit("::").next()?;
        let (cell, line) = *self.imports.get(name)?;
        let text = self.line(cell, line);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let at = import.len().min(column.saturating_sub("use ".len() + 1));
        let start = import[..at].rfind(|c| !is_word(c)).map_or(0, |before| before + 1);
        let end = import[at..].find(|c| !is_word(c)).map_or(import.len(), |after| at + after);
        let found = text.find(&import[start..end]).filter(|_| start < end);
        let byte = match found {
            Some(found) => found + (at - start),
            None => text.find(name).unwrap_or(text.len() - text.trim_start().len()),
        };
        let column = text[..text.floor_char_boundary(byte)].chars().count() + 1;
        Some(Place { cell, segment: None, line, column, is_inserted: false })
    }

    /// The text of a line of a cell, as the user wrote it.
    pub(crate) fn line(&self, cell: usize, line: usize) -> &str {
        self.cells[cell].edited.original.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }
}
