//! What a word may become, for `complete_request`.

pub(crate) mod pairs;
mod query;
mod rank;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::CommandContext;

use self::query::{Preceding, Query};
use self::rank::Ranks;
use crate::evaluator::commands::help::HELP;
use crate::protocol::{Completion, CompletionItem};
use crate::source::tokens::{byte_offset, commands};

/// Names of what the kernel and evcxr put around a cell begin with these.
const HIDDEN: [&str; 5] =
    ["__twoviews", "evcxr_", "EvcxrUserCodeError", "run_user_code", "twoviews_flush"];
/// The commands whose argument is a variable.
const ABOUT_A_VARIABLE: [&str; 4] = [":type", ":t", ":doc", ":why"];

/// What evcxr proposes.
struct Proposal {
    code: String,
    kind: &'static str,
    label: String,
}

/// Something to put in the place of a word.
struct Match {
    text: String,
    kind: &'static str,
    label: String,
}

/// The content of a `complete_reply`; `cursor` counts characters.
pub(crate) fn of(context: &mut CommandContext, code: &str, cursor: usize) -> Completion {
    let at = byte_offset(code, cursor);
    // What fails in rust-analyzer has no proposals; it keeps nothing from one question to the next
    // that could be left half done.
    let found = catch_unwind(AssertUnwindSafe(|| find(context, code, at))).unwrap_or_default();
    let (word, matches) = found.unwrap_or((at..at, Vec::new()));
    let character = |byte: usize| code[..byte].chars().count();
    let (start, end) = (character(word.start), character(word.end));
    let item =
        |Match { text, kind, label }| CompletionItem { text, kind, signature: label, start, end };
    Completion::new(start, end, matches.into_iter().map(item).collect())
}

type Found = (std::ops::Range<usize>, Vec<Match>);

fn find(context: &mut CommandContext, code: &str, at: usize) -> Option<Found> {
    if let Some(line) = commands(code).into_iter().find(|l| (l.start..=l.end).contains(&at)) {
        return command(context, code, line, at);
    }
    let query = query::find(code, at)?;
    let found = context.completions(&query.text, query.at).ok()?.completions;
    let found: Vec<Proposal> = found
        .into_iter()
        .map(|one| Proposal { code: one.code, kind: one.kind, label: one.label })
        .collect();
    let ranks = Ranks::of(context, code, &query, &found);
    let mut seen = HashSet::new();
    let mut matches: Vec<(_, Match)> = Vec::new();
    for Proposal { code, kind, label } in found {
        if let Some(text) = inserted(&query, &code, kind)
            && seen.insert(text.clone())
        {
            matches.push((ranks.rank(&text, kind), Match { text, kind, label }));
        }
    }
    matches.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some((query.word, matches.into_iter().map(|(_, one)| one).collect()))
}

/// The name that a proposal stands for, if it is one to put in the place of the word.
fn inserted(query: &Query, code: &str, kind: &str) -> Option<String> {
    let code = match query.preceding {
        // In an `impl` of a trait: its whole functions.
        Preceding::Fn => code.strip_prefix("fn ").unwrap_or(code),
        _ => code,
    };
    let raw = if code.starts_with("r#") { 2 } else { 0 };
    let end = code[raw..].find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = code.split_at(end.map_or(code.len(), |end| raw + end));
    let number = name.starts_with(|c: char| c.is_ascii_digit());
    let is_name = match kind {
        // Templates begin with their keyword.
        "keyword" => true,
        _ if number => query.preceding == Preceding::Dot && rest.is_empty(),
        // Not the beginning of an expression: arguments, fields and parameters only.
        _ => {
            rest == "::"
                || rest.is_empty()
                || rest.starts_with(['(', '!', '<', '{', ':']) && !rest.starts_with("::")
                || rest.starts_with(" {")
        }
    };
    if name.len() <= raw || !is_name || HIDDEN.iter().any(|hidden| name.starts_with(hidden)) {
        return None;
    }
    // A string of `format!` takes names of values.
    if query.preceding == Preceding::Brace && (kind != "instance" || !rest.is_empty()) {
        return None;
    }
    let bang = if rest.starts_with('!') && !query.bang { "!" } else { "" };
    Some(format!("{name}{bang}")).filter(|text| text.starts_with(&query.typed))
}

/// A command or the variable that it is about.
fn command(
    context: &mut CommandContext,
    code: &str,
    line: std::ops::Range<usize>,
    at: usize,
) -> Option<Found> {
    let text = &code[line.clone()];
    let start = line.start + text.find(':')?;
    let end = code[start..line.end].find(char::is_whitespace).map_or(line.end, |n| start + n);
    if at < start {
        return None;
    }
    let found = |mut names: Vec<String>, kind: &'static str| -> Vec<Match> {
        names.sort();
        names.dedup();
        let named = |text: String| Match { label: text.clone(), text, kind };
        names.into_iter().map(named).collect()
    };
    if at <= end {
        let typed = &code[start..at];
        // evcxr knows its commands without looking at any code.
        let evcxr = context.completions(typed, typed.len()).ok()?.completions;
        let own = HELP.iter().map(|(name, _)| (*name).to_owned());
        let names = evcxr.into_iter().map(|one| one.code).chain(own);
        let names = names.filter(|name| name.starts_with(typed)).collect();
        return Some((start..end, found(names, "magic")));
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let typed = code[end..at].trim_start();
    if !ABOUT_A_VARIABLE.contains(&&code[start..end]) || !typed.chars().all(word) {
        return None;
    }
    let names = context.variables_and_types().map(|(name, _)| name.to_owned());
    let names = names.filter(|name| name.starts_with(typed)).collect();
    let rest = &code[at..line.end];
    let last = at + rest.find(|c| !word(c)).unwrap_or(rest.len());
    Some((at - typed.len()..last, found(names, "instance")))
}
