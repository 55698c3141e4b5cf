//! Why code does not compile, as far as the kernel knows more of it than the compiler.

use crate::evaluator::engine::Engine;
use crate::evaluator::errors::diagnostic::{Diagnostic, Owner, Span};
use crate::source::Sources;

/// Of names that rustc does not find.
const UNKNOWN: [&str; 7] = ["E0405", "E0412", "E0422", "E0425", "E0432", "E0433", "E0531"];

pub(super) fn note(message: String) -> Diagnostic {
    Diagnostic { level: "note".into(), message, ..Diagnostic::default() }
}

impl Engine {
    fn is_variable(&self, name: &str) -> bool {
        self.variables().iter().any(|(it, _)| it == name)
    }

    /// Why a name is not found.
    pub(super) fn why_unknown(&self, error: &Diagnostic) -> Vec<String> {
        let mut causes = Vec::new();
        if error.has_code(&["E0425", "E0423", "E0432"]) {
            causes.extend(error.named().and_then(|name| self.notebook.ledger.is_gone(name)));
        }
        let set_aside = |name| Some((name, self.notebook.was_set_aside(name)?));
        if let Some((name, count)) = error.names().find_map(set_aside) {
            let advice = match self.notebook.failed.cell_of(name, false) {
                Some(later) => {
                    format!(", and cell {later}, which defines it anew, did not compile")
                }
                None => format!(": run cell {count} again"),
            };
            causes.push(format!(
                "`{name}` of cell {count} was set aside, since it did not fit a later change{advice}"
            ));
            return causes;
        }
        let is_member = error.has_code(&["E0599"]);
        if (is_member || error.has_code(&UNKNOWN) || error.message.starts_with("cannot find"))
            && let Some(name) = error.named()
            && let Some(count) = self.notebook.failed.cell_of(name, is_member)
        {
            causes.push(format!("cell {count} defines `{name}`, but did not compile"));
        }
        if error.has_code(&["E0425", "E0434"])
            && let Some(name) = error.names().find(|name| self.is_variable(name))
        {
            causes.push(format!(
                "`{name}` is a variable of the notebook, which functions and other items do not see: pass it \
                 as an argument"
            ));
        }
        causes
    }

    /// Why a variable cannot be changed.
    pub(super) fn why_immutable(&self, error: &Diagnostic) -> Option<String> {
        let is_immutable = error.has_code(&["E0384", "E0594", "E0596"]);
        let name = error.names().find(|name| is_immutable && self.is_variable(name))?;
        Some(format!("it was bound without `mut`; bind it anew: `let mut {name} = {name};`"))
    }
}

/// Why an error lies in an earlier cell.
pub(super) fn why_unfit(owner: Owner, sources: &Sources) -> Option<String> {
    let Owner::Earlier(segment) = owner else { return None };
    let it = sources.map.segment(segment);
    let count = sources.map.cell(it.cell).count;
    let name = it.title.as_ref().map_or("it".to_owned(), |title| format!("`{title}`"));
    Some(format!(
        "{name} of cell {count} does not fit what this cell changes: change both in one cell, or {name} first"
    ))
}

/// Why a variable must not borrow.
pub(super) fn why_borrowed(error: &Diagnostic) -> Option<String> {
    let is_short = error.message.contains("not live long enough");
    let is_borrowed = error.has_code(&["E0716"]) || is_short && error.has_code(&["E0597", "E0515"]);
    is_borrowed.then(|| {
        "variables are kept between cells and must own what they hold: clone it, keep the owner, or put the \
         code in braces"
            .to_owned()
    })
}

/// Why an error lies in what evcxr has written.
pub(super) fn why_unstored(error: &Diagnostic) -> Option<String> {
    let name = error.generated.as_deref().and_then(stored_variable)?;
    Some(format!(
        "this comes from keeping `{name}` for the next cells: write its type out (`let {name}: … = …`), or put \
         the code in braces"
    ))
}

/// An error without help that leads astray: names that look alike and unknown crates, where the kernel knows the cause or
/// rustc an import, and lists of which only the head is left.
pub(super) fn without_guesses(mut error: Diagnostic, is_known: bool) -> Diagnostic {
    let imports = error.children.iter().any(Diagnostic::proposes_import);
    error.children.retain(|child| {
        let is_guess = child.message.contains("with a similar name exists");
        let is_crate = child.message.starts_with("if you wanted to use a crate named");
        let is_head = child.message.starts_with("the following other types implement trait")
            && child.spans.iter().all(|span| span.cell.is_none());
        !((is_guess || is_crate) && (imports || is_known) || is_head)
    });
    let is_guess =
        |span: &Span| span.label.as_deref().is_some_and(|it| it.starts_with("similarly named"));
    if is_known {
        error.spans.retain(|span| !is_guess(span));
    }
    error
}

/// The variable that a line of evcxr's stores.
fn stored_variable(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("put_variable::<")?;
    rest.rsplit_once("stringify!(")?.1.split(')').next()
}
