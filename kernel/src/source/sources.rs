//! All cells and what was compiled of them, for everyone who has to name a place.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::map::{Build, Place, SourceMap};
use crate::child::markers::CELLS;
use crate::child::panics::{Panic, library_number};

/// The engine writes it; what comes from the process of the cells is read with it.
pub(crate) type SharedSources = Arc<Mutex<Sources>>;

#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub map: SourceMap,
    builds: HashMap<u32, Build>,
    last: Option<u32>,
}

impl Sources {
    /// A library begins to run: what it was compiled from is still there.
    pub(crate) fn loaded(&mut self, library: &Path) {
        let folder = library.ancestors().find(|it| it.file_name().is_some_and(|it| it == "target"));
        let file = folder.and_then(Path::parent).map(|folder| folder.join(CELLS));
        if let Some(number) = library_number(library)
            && let Some(source) = file.and_then(|file| std::fs::read_to_string(file).ok())
        {
            let build = self.map.build(&source);
            self.builds.insert(number, build);
            self.last = Some(number);
        }
    }

    /// Whether a library has begun to run.
    pub(crate) fn knows(&self, build: u32) -> bool {
        self.builds.contains_key(&build)
    }

    /// The place in a cell of a line and column of a library's file; of the last one's, if none is named.
    pub(crate) fn place(&self, build: Option<u32>, line: usize, column: usize) -> Option<Place> {
        self.map.place(self.builds.get(&build.or(self.last)?)?, line, column)
    }

    /// The cells from which a panic comes, the innermost first; the function's name where it is not
    /// the cell itself.
    pub(crate) fn trace(&self, panic: &Panic) -> Vec<(Place, String)> {
        let mut trace: Vec<(Place, String)> = Vec::new();
        for frame in &panic.frames {
            if let Some(place) = self.place(Some(frame.build), frame.line, frame.column)
                && trace.last().is_none_or(|(last, _)| *last != place)
            {
                trace.push((place, frame.function.clone()));
            }
        }
        // Frames name calls, and inlining may hide the innermost; the panic names its own place.
        if panic.file == CELLS {
            let build = panic.frames.first().map(|frame| frame.build);
            if let Some(place) = self.place(build, panic.line, panic.column) {
                let is_same = |(first, _): &(Place, String)| {
                    first.cell == place.cell && first.line == place.line
                };
                match trace.first_mut().filter(|first| is_same(first)) {
                    Some((first, _)) => *first = place,
                    None => trace.insert(0, (place, String::new())),
                }
            }
        }
        trace
    }

    /// `in cell 3, line 2`, or the file.
    pub(crate) fn described(&self, panic: &Panic) -> String {
        match self.trace(panic).first() {
            Some((place, _)) => {
                format!("in cell {}, line {}", self.map.cell(place.cell).count, place.line)
            }
            None => format!("at {}:{}:{}", panic.file, panic.line, panic.column),
        }
    }
}
