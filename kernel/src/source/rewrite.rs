//! A cell as evcxr gets it: the same lines, with what makes evcxr handle them well.

use std::collections::BTreeSet;
use std::path::Path;

use ra_ap_syntax::{SyntaxKind, SyntaxNode, T};

use super::display::{self, Display};
use super::edits::{Edits, offset_of, place_of};
use super::identity::Definitions;
use super::items::{self, Import, Item};
use super::map::{CellText, Segment, SourceMap, comment};
use super::parse::{Parsed, bound_names, first_token, is_item, is_let, range, token_range, tokens};
use super::returns::{self, Refused};
use super::statics;

/// What may be done in different ways.
pub(crate) struct Options<'a> {
    pub count: i64,
    pub display: Display,
    /// Variables that an early `return` cannot keep.
    pub not_kept: &'a BTreeSet<String>,
    /// The folder that `include_str!("…")` starts from.
    pub folder: &'a Path,
}

/// A cell, rewritten.
pub(crate) struct Rewritten {
    pub text: CellText,
    pub segments: Vec<Segment>,
    pub items: Vec<(Item, Option<usize>)>,
    pub imports: Vec<(Import, usize)>,
    /// The variables that it binds, each with its line.
    pub bound: Vec<(String, usize)>,
    /// Whether it has anything to run.
    pub has_statements: bool,
    pub has_return: bool,
    /// Whether the kernel shows its value.
    pub is_shown: bool,
}

/// Before an `impl` block stands an empty module on the same line: evcxr keeps a block with the named
/// item before it, so that a block of the same number takes the place of this one.
pub(crate) fn anchor(key: usize) -> String {
    format!("mod __twoviews_block{key} {{}} ")
}

/// Rewrites `code`. `key` gives each block without a name its number.
pub(crate) fn rewrite(
    code: &str,
    map: &SourceMap,
    definitions: &Definitions,
    mut key: impl FnMut(&Item) -> usize,
    options: &Options<'_>,
) -> Result<Rewritten, Refused> {
    let parsed = Parsed::new(code);
    let (cell, first_segment) = map.next();
    let mut edits = Edits::default();
    let mut definitions = definitions.clone();
    let (mut items, mut imports, mut bound) = (Vec::new(), Vec::new(), Vec::new());
    let mut marked: Vec<(usize, std::ops::Range<usize>, Option<String>)> = Vec::new();
    let line_of = |offset: usize| place_of(code, offset).0;
    for node in &parsed.statements {
        if node.kind() == SyntaxKind::USE {
            imports.extend(
                items::imports(node).into_iter().map(|it| (it, line_of(range(node).start))),
            );
        } else if is_item(node) {
            let item = Item::of(node);
            let key = items::is_unnamed(node).then(|| key(&item));
            match (&item.name, key) {
                (Some(name), _) => definitions.define(name, item.clone()),
                (None, Some(key)) => definitions.define_block(key, item.clone()),
                _ => {}
            }
            items.push((item, key));
        }
    }
    for (import, _) in &imports {
        definitions.import(import.clone());
    }
    let mut next_item = 0;
    let mut has_statements = false;
    let mut has_return = false;
    for node in &parsed.statements {
        if node.kind() == SyntaxKind::ATTR || node.kind() == SyntaxKind::USE {
            continue;
        }
        if statics::is_thread_local(node) && !parsed.has_errors {
            for (name, at) in statics::rewrite_thread_local(node, code, &definitions, &mut edits) {
                marked.push((at, range(node), Some(name)));
            }
            continue;
        }
        let mut title = None;
        if is_item(node) {
            let (item, key) = &items[next_item];
            next_item += 1;
            title = Some(item.title());
            if let Some(key) = key {
                edits.insert(range(node).start, anchor(*key));
            }
            if node.kind() == SyntaxKind::MACRO_RULES
                && !tokens(node).any(|token| token.text() == "macro_export")
                && let Some(token) = first_token(node)
            {
                // Found by its path, whatever the order.
                edits.insert(token_range(&token).start, "#[macro_export] ");
            }
        } else {
            has_statements = true;
        }
        if let Some(token) = first_token(node) {
            marked.push((token_range(&token).end, range(node), title));
        }
    }
    for (i, (at, _, _)) in marked.iter().enumerate() {
        edits.insert(*at, comment(first_segment + i));
    }
    if !parsed.has_errors {
        for node in &parsed.statements {
            if statics::is_thread_local(node) {
                continue;
            }
            statics::rewrite(node, &definitions, &mut edits);
            include_from(options.folder, node, &mut edits);
            if !is_item(node) {
                let names: Vec<String> =
                    bound.iter().map(|(name, _): &(String, usize)| name.clone()).collect();
                has_return |=
                    returns::rewrite(node, line_of, &names, options.not_kept, &mut edits)?;
            }
            if is_let(node) {
                let line = line_of(first_token(node).map_or(0, |token| token_range(&token).start));
                bound.extend(bound_names(node).into_iter().map(|name| (name, line)));
            }
        }
    }
    let mut is_shown = false;
    if let Some(last) = parsed.statements.last()
        && !parsed.has_errors
        && !statics::is_thread_local(last)
    {
        is_shown = display::is_shown(last) && options.display == Display::Value;
        display::rewrite(last, options.display, &mut edits);
    }
    let mut edited = edits.apply(code);
    // evcxr would take `::name` for a command and `///` for nothing at a line's beginning.
    if edited.text.trim_start().starts_with([':', '!', '/']) {
        edited = edited.with_prefix("\t");
    }
    let segments = marked.iter().enumerate().map(|(i, (_, place, title))| {
        let text = comment(first_segment + i);
        let at = edited.text.find(&text).unwrap_or_default();
        let (line, column) = place_of(&edited.text, at);
        let (first, last) = (line_of(place.start), line_of(place.end));
        // Counted in the edited text: insertions may stand before a segment in its line.
        let indent = offset_of(&edited.text, first, 1);
        let start = edited.edited_offset(place.start);
        Segment {
            cell,
            title: title.clone(),
            line,
            column,
            before: line.saturating_sub(first),
            after: last.saturating_sub(line),
            indent: edited.text.get(indent..start).map_or(0, |text| text.chars().count()),
        }
    });
    Ok(Rewritten {
        segments: segments.collect(),
        text: CellText { count: options.count, edited },
        items,
        imports,
        bound,
        has_statements,
        has_return,
        is_shown,
    })
}

/// Files are included from the notebook's folder, not from that of what is compiled.
fn include_from(folder: &Path, node: &SyntaxNode, edits: &mut Edits) {
    let Some(folder) = folder.to_str() else { return };
    let all: Vec<_> = tokens(node).collect();
    for four in all.windows(4) {
        let [name, bang, open, text] = four else { continue };
        let is_include = ["include_str", "include_bytes", "include"].contains(&name.text())
            && bang.kind() == T![!]
            && open.kind() == T!['(']
            && text.kind() == SyntaxKind::STRING;
        let Some(quote) = text.text().find('"').filter(|_| is_include) else { continue };
        let path = &text.text()[quote + 1..];
        if path.starts_with(['/', '\\']) {
            continue;
        }
        let is_raw = text.text().starts_with('r');
        let folder = if is_raw {
            folder.to_owned()
        } else {
            folder.replace('\\', "\\\\").replace('"', "\\\"")
        };
        edits.insert(token_range(text).start + quote + 1, format!("{folder}/"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(code: &str) -> Rewritten {
        let options = Options {
            count: 1,
            display: Display::Value,
            not_kept: &BTreeSet::new(),
            folder: Path::new("/book"),
        };
        rewrite(code, &SourceMap::default(), &Definitions::default(), |_| 7, &options).unwrap()
    }

    #[test]
    fn each_part_gets_its_comment_and_keeps_its_line() {
        let code = "/// Doc.\nstruct A;\nimpl A { fn f() {} }\nmacro_rules! m { () => {} }\nlet x = include_str!(\"a.txt\");\nx";
        let it = rewritten(code);
        let text = &it.text.edited.text;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "\t/// Doc.");
        assert_eq!(lines[1], "struct/*twoviews:0*/ A;");
        assert_eq!(lines[2], "mod __twoviews_block7 {} impl/*twoviews:1*/ A { fn f() {} }");
        assert_eq!(lines[3], "#[macro_export] macro_rules/*twoviews:2*/! m { () => {} }");
        assert_eq!(lines[4], "let/*twoviews:3*/ x = include_str!(\"/book/a.txt\");");
        assert!(lines[5].starts_with("match &(x/*twoviews:4*/) {"), "{}", lines[5]);
        assert_eq!(it.bound, [("x".to_owned(), 5)]);
        assert!(it.has_statements && it.is_shown && !it.has_return);
    }

    #[test]
    fn places_are_found_in_what_evcxr_compiles() {
        let code = "let a = 1; let b =\n    a.sqr();\n\n#[inline]\nfn f() {\n  panic!(\"é\") }";
        let mut map = SourceMap::default();
        let it = rewritten(code);
        // As evcxr does: each part from a new line on.
        let parts = [
            "let/*twoviews:1*/ b =\n    a.sqr();\n",
            "generated\n",
            "let/*twoviews:0*/ a = 1; \n",
            "#/*twoviews:2*/[inline]\nfn f() {\n  panic!(\"é\") }\n",
        ];
        map.push(it.text, it.segments);
        let source = parts.concat();
        let build = map.build(&source);
        let place =
            |line, column| map.place(&build, line, column).map(|place| (place.line, place.column));
        assert_eq!(place(4, 19), Some((1, 5)));
        assert_eq!(place(1, 19), Some((1, 16)));
        assert_eq!(place(2, 5), Some((2, 5)));
        assert_eq!(place(3, 1), None, "generated");
        assert_eq!(place(7, 3), Some((6, 3)));
    }
}
