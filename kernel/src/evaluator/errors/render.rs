//! Diagnostics as rustc draws them.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use super::diagnostic::{Diagnostic, IMPORT, Span};
use crate::source::Sources;
use crate::source::edits::offset_of;

/// Wider lines are cut, as rustc cuts them in a terminal of this width.
const WIDTH: usize = 100;

/// Draws one diagnostic, with colours.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut title = level(&diagnostic.level).primary_title(diagnostic.message.clone());
    if let Some(code) = &diagnostic.code {
        title = title.id(code.clone());
    }
    let mut first = Group::with_title(title);
    first = with_snippets(first, &diagnostic.spans, sources);
    let mut groups = Vec::new();
    for child in &diagnostic.children {
        let has_place = child.spans.iter().any(|span| is_shown(span) || span.file.is_some());
        let replaces: Vec<&Span> =
            child.spans.iter().filter(|span| span.replacement.is_some()).collect();
        let all_shown = replaces.iter().all(|span| is_shown(span));
        if child.proposes_import() || !all_shown {
            // rustc puts it before the file's first `use` line, which evcxr has written anew. Other text whose place is
            // in no cell is of no use.
            if let Some(text) = import(child, &replaces, sources) {
                first = first.element(level(&child.level).message(text));
            }
        } else if !replaces.is_empty() {
            groups.push(suggestion(child, &replaces, sources));
        } else if has_place {
            let title = level(&child.level).secondary_title(child.message.clone());
            groups.push(with_snippets(Group::with_title(title), &child.spans, sources));
        } else {
            first = first.element(level(&child.level).message(child.message.clone()));
        }
    }
    let mut report = vec![first];
    report.extend(groups);
    Renderer::styled().term_width(WIDTH).render(&report)
}

fn level(name: &str) -> Level<'static> {
    match name {
        "warning" => Level::WARNING,
        "note" => Level::NOTE,
        "help" => Level::HELP,
        _ => Level::ERROR,
    }
}

/// Whether a span's text is the user's.
fn is_shown(span: &Span) -> bool {
    span.cell.as_ref().is_some_and(|(start, end)| start.cell == end.cell && !start.is_inserted)
}

/// The imports that rustc proposes, one of which is meant, in a line.
fn import(child: &Diagnostic, spans: &[&Span], sources: &Sources) -> Option<String> {
    let texts = spans.iter().filter_map(|span| span.replacement.as_deref()).map(str::trim);
    let mut texts: Vec<&str> = texts.filter(|text| text.starts_with(IMPORT)).collect();
    texts.dedup();
    if texts.is_empty() {
        return None;
    }
    // Each path of `core` stands in `std`, too.
    let all = texts.clone();
    texts.retain(|text| {
        let in_std = text.replacen("core::", "std::", 1);
        *text == in_std || !all.contains(&in_std.as_str())
    });
    // In a module the imports of the cell are not known.
    let is_in_module = spans.iter().any(|span| {
        let Some((start, _)) = &span.cell else { return false };
        let text = &sources.map.cell(start.cell).edited.original;
        start.segment.is_some() && text[..bytes(span, text).start].trim_end().ends_with('{')
    });
    let place = if is_in_module { ", in the module" } else { "" };
    Some(format!("{}{place}: `{}`", child.message.trim_end_matches(':'), texts.join("` or `")))
}

/// A group with the lines of its spans, cell by cell; the first is that of the primary span.
fn with_snippets<'a>(mut group: Group<'a>, spans: &[Span], sources: &Sources) -> Group<'a> {
    let mut cells: BTreeMap<(bool, usize), Vec<&Span>> = BTreeMap::new();
    let in_cells = || spans.iter().filter(|span| span.cell.is_some());
    let primary = in_cells().find(|span| span.is_primary).or_else(|| in_cells().next());
    let first = primary.and_then(|span| Some(span.cell.as_ref()?.0.cell));
    // What the kernel has inserted stands for the place where it stands, if there is no other.
    let only_inserted = !spans.iter().any(is_shown);
    for span in in_cells().filter(|span| is_shown(span) || (only_inserted && span.is_primary)) {
        if let Some((start, _)) = &span.cell {
            cells.entry((Some(start.cell) != first, start.cell)).or_default().push(span);
        }
    }
    for ((_, cell), spans) in cells {
        let text = sources.map.cell(cell);
        let mut snippet =
            Snippet::source(text.edited.original.clone()).path(format!("cell {}", text.count));
        for span in spans {
            let kind =
                if span.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(bytes(span, &text.edited.original));
            if let Some(label) = &span.label {
                annotation = annotation.label(label.clone());
            }
            snippet = snippet.annotation(annotation);
        }
        group = group.element(snippet);
    }
    if first.is_none()
        && let Some((file, line, column)) = spans.iter().find_map(|span| span.file.clone())
    {
        group = group.element(Origin::path(file).line(line).char_column(column));
    }
    group
}

fn suggestion(child: &Diagnostic, spans: &[&Span], sources: &Sources) -> Group<'static> {
    let mut group = Group::with_title(level(&child.level).secondary_title(child.message.clone()));
    let cells: std::collections::BTreeSet<usize> =
        spans.iter().filter_map(|span| Some(span.cell.as_ref()?.0.cell)).collect();
    for cell in cells {
        let text = sources.map.cell(cell);
        let original = &text.edited.original;
        let mut snippet = Snippet::source(original.clone()).path(format!("cell {}", text.count));
        for span in
            spans.iter().filter(|it| it.cell.as_ref().is_some_and(|(at, _)| at.cell == cell))
        {
            let replacement = span.replacement.clone().unwrap_or_default();
            snippet = snippet.patch(Patch::new(bytes(span, original), replacement));
        }
        group = group.element(snippet);
    }
    group
}

/// A span's place in the cell's text.
fn bytes(span: &Span, text: &str) -> Range<usize> {
    let Some((start, end)) = &span.cell else { return 0..0 };
    let start = offset_of(text, start.line, start.column);
    start..offset_of(text, end.line, end.column).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::edits::Edits;
    use crate::source::map::{CellText, Place};

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        let edited = Edits::default().apply(text);
        sources.map.push(CellText { count: 3, edited }, Vec::new());
        sources
    }

    fn at(line: usize, column: usize) -> Place {
        Place { cell: 0, segment: None, line, column, is_inserted: false }
    }

    /// Without colours.
    fn drawn(diagnostic: &Diagnostic, text: &str) -> String {
        let drawn = render(diagnostic, &sources(text));
        let mut plain = String::new();
        for (i, part) in drawn.split("\u{1b}[").enumerate() {
            plain += if i == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        plain
    }

    #[test]
    fn errors_point_into_the_cell_and_helps_are_diffs() {
        let span = |start, end, label: Option<&str>, replacement: Option<&str>| Span {
            is_primary: true,
            label: label.map(str::to_owned),
            replacement: replacement.map(str::to_owned),
            cell: Some((start, end)),
            file: None,
        };
        let help = Diagnostic {
            level: "help".into(),
            message: "a local variable with a similar name exists".into(),
            spans: vec![span(at(2, 1), at(2, 5), None, Some("late"))],
            ..Diagnostic::default()
        };
        let error = Diagnostic {
            level: "error".into(),
            message: "cannot find value `läte` in this scope".into(),
            code: Some("E0425".into()),
            spans: vec![span(at(2, 1), at(2, 5), Some("not found"), None)],
            children: vec![help],
            generated: None,
        };
        let drawn = drawn(&error, "let late = 1;\nläte + 1");
        let expected = "error[E0425]: cannot find value `läte` in this scope\n --> cell 3:2:1\n  |\n2 | läte + 1\n  | ^^^^ not found\n  |\nhelp: a local variable with a similar name exists\n  |\n2 - läte + 1\n2 + late + 1\n  |";
        assert_eq!(drawn, expected, "{drawn}");
    }

    #[test]
    fn an_import_is_named_wherever_rustc_would_put_it() {
        let inside = Place { segment: Some(0), ..at(1, 8) };
        assert_eq!(help(None), "consider importing this function: `use std::cmp::max;`");
        assert_eq!(help(Some((at(1, 5), at(1, 5)))), help(None));
        assert_eq!(
            help(Some((inside.clone(), inside))),
            "consider importing this function, in the module: `use std::cmp::max;`"
        );
    }

    /// What is said of a proposed import.
    fn help(cell: Option<(Place, Place)>) -> String {
        let replaced = ["use std::cmp::max;\n\n", "use core::cmp::max;\n\n"];
        let span = |text: &str| Span {
            replacement: Some(text.to_owned()),
            cell: cell.clone(),
            ..Span::default()
        };
        let help = Diagnostic {
            level: "help".into(),
            message: "consider importing this function".into(),
            spans: replaced.map(span).into(),
            ..Diagnostic::default()
        };
        let error = Diagnostic {
            level: "error".into(),
            message: "cannot find function `max`".into(),
            children: vec![help],
            ..Diagnostic::default()
        };
        let drawn = drawn(&error, "mod a { max(1, 2); }");
        drawn.lines().last().and_then(|line| line.split_once("help: ")).unwrap().1.to_owned()
    }
}
