//! Compile errors with what the kernel knows beyond the compiler.

use evcxr::Error;
use ra_ap_syntax::ast::{self, AstNode, HasName};

use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::errors::diagnostic::{Diagnostic, Owner, Span};
use crate::evaluator::notebook::Change;
use crate::source::Sources;
use crate::source::map::Place;
use crate::source::parse::{self, Parsed};

impl Engine {
    /// A compile error, in the words that fit a notebook.
    pub(super) fn explain(
        &self,
        error: &Error,
        all: &[Diagnostic],
        change: &Change,
        code: &str,
    ) -> Failure {
        let sources = self.notebook.sources();
        if let Error::Message(message) = error
            && let Some(name) = message.split('`').nth(1)
        {
            // evcxr cannot keep a variable.
            if let Some(failure) = not_kept(name, message, change, &sources) {
                return failure;
            }
        }
        let errors: Vec<&Diagnostic> = all.iter().filter(|it| it.is_error()).collect();
        if errors.is_empty() {
            return Failure::evcxr(error);
        }
        // What the kernel has written fails because of what the user has written.
        let owners: Vec<Owner> = errors.iter().map(|it| it.owner(change.cell)).collect();
        let has = |owner: fn(&Owner) -> bool| owners.iter().any(owner);
        let is_users = |owner: &Owner| matches!(owner, Owner::Cell | Owner::Earlier(_));
        // evcxr says which variable it cannot keep, unless its check of the cell fails for others that borrow.
        if !has(is_users)
            && errors.iter().all(|it| it.has_code(&["E0521"]))
            && let Some((name, message)) = without_a_type(code)
            && let Some(failure) = not_kept(&name, message, change, &sources)
        {
            return failure;
        }
        let mut shown: Vec<Diagnostic> = Vec::new();
        for (it, owner) in errors.iter().zip(&owners) {
            if is_users(owner) || !has(is_users) {
                let told = self.told(it, *owner, change, code, &sources);
                if !shown.contains(&told) {
                    shown.push(told);
                }
            }
        }
        // Those of the cell come first.
        shown.sort_by_key(|it| it.owner(change.cell) != Owner::Cell);
        let warnings =
            all.iter().filter(|it| !it.is_error() && it.owner(change.cell) == Owner::Cell);
        shown.extend(warnings.cloned());
        Failure::compilation(&shown, &sources)
    }

    /// A diagnostic with what the kernel knows beyond the compiler.
    fn told(
        &self,
        error: &Diagnostic,
        owner: Owner,
        change: &Change,
        code: &str,
        sources: &Sources,
    ) -> Diagnostic {
        let mut told = error.clone();
        let mut note = |text: String| {
            told.children.push(Diagnostic {
                level: "note".into(),
                message: text,
                ..Diagnostic::default()
            });
        };
        let gone = error.named().and_then(|name| self.notebook.ledger.is_gone(name));
        let gone = gone.filter(|_| error.has_code(&["E0425", "E0423", "E0432"]));
        let is_gone = gone.is_some();
        if let Some(gone) = gone {
            note(gone);
        }
        let names = || error.message.split('`').skip(1).step_by(2);
        if let Some((name, count)) =
            names().filter_map(|name| Some((name, self.notebook.was_set_aside(name)?))).next()
        {
            note(match self.notebook.failed.cell_of(name, false) {
                Some(later) => format!(
                    "`{name}` of cell {count} was set aside, since it did not fit a later change, and cell \
                     {later}, which defines it anew, did not compile"
                ),
                None => format!(
                    "`{name}` of cell {count} was set aside, since it did not fit a later change: run cell \
                     {count} again"
                ),
            });
        }
        // An unknown name, or method.
        let is_unknown = error.message.starts_with("cannot find")
            || error.has_code(&["E0405", "E0412", "E0422", "E0425", "E0432", "E0433", "E0531"]);
        let is_unknown_member = error.has_code(&["E0599"]);
        let mut is_known = false;
        if (is_unknown || is_unknown_member)
            && let Some(name) = error.named()
            && let Some(count) = self.notebook.failed.cell_of(name, is_unknown_member)
        {
            note(format!("cell {count} defines `{name}`, but did not compile"));
            is_known = true;
        }
        if error.has_code(&["E0425", "E0434"])
            && let Some(name) =
                names().find(|name| self.variables().iter().any(|(it, _)| it == name))
        {
            note(format!(
                "`{name}` is a variable of the notebook, which functions and other items do not see: pass it \
                 as an argument"
            ));
            is_known = true;
        }
        if error.has_code(&["E0384", "E0594", "E0596"])
            && let Some(name) =
                names().find(|name| self.variables().iter().any(|(it, _)| it == name))
        {
            note(format!("it was bound without `mut`; bind it anew: `let mut {name} = {name};`"));
        }
        if let Owner::Earlier(segment) = owner {
            let it = sources.map.segment(segment);
            let count = sources.map.cell(it.cell).count;
            let name = it.title.as_ref().map_or("it".to_owned(), |title| format!("`{title}`"));
            note(format!(
                "{name} of cell {count} does not fit what this cell changes: change both in one cell, or \
                 {name} first"
            ));
        }
        if error.has_code(&["E0597", "E0716", "E0515"])
            && error.message.contains("not live long enough")
            || error.has_code(&["E0716"])
        {
            note(
                "variables are kept between cells and must own what they hold: clone it, keep the owner, \
                 or put the code in braces"
                    .to_owned(),
            );
        }
        if owner == Owner::Inserted && error.message.contains("evcxr_display") {
            let kind = error.message.split('`').nth(3).unwrap_or("this type");
            return self.not_shown(error, kind.trim_start_matches('&'), change, code);
        }
        if let Some(name) = error.generated.as_deref().and_then(stored_variable) {
            note(format!(
                "this comes from keeping `{name}` for the next cells: write its type out \
                 (`let {name}: … = …`), or put the code in braces"
            ));
        }
        without_guesses(told, is_known || is_gone)
    }

    /// The value of a cell has no form that can be shown.
    fn not_shown(&self, error: &Diagnostic, kind: &str, change: &Change, code: &str) -> Diagnostic {
        let last = Parsed::new(code).statements.last().map(parse::range).unwrap_or_default();
        let place = |at: usize| Place::of(change.cell, code, at);
        let span = Span {
            is_primary: true,
            label: Some("the value of the cell".to_owned()),
            cell: Some((place(last.start), place(last.end))),
            ..Span::default()
        };
        let help = Diagnostic {
            level: "help".into(),
            message:
                "add `#[derive(Debug)]` to the type or give it a method `evcxr_display(&self)`, or \
                      end the line with `;`"
                    .into(),
            ..Diagnostic::default()
        };
        Diagnostic {
            message: format!("`{kind}` cannot be shown: it does not implement `Debug`"),
            code: Some("E0277".into()),
            spans: vec![span],
            children: vec![help],
            generated: None,
            ..error.clone()
        }
    }
}

/// The error about a variable of the cell that evcxr cannot keep.
fn not_kept(name: &str, message: &str, change: &Change, sources: &Sources) -> Option<Failure> {
    let (_, line) = change.bound.iter().find(|(it, _)| it == name)?;
    let column = sources.map.line(change.cell, *line).find(name).map_or(1, |at| at + 1);
    let place = Place { cell: change.cell, segment: None, line: *line, column, is_inserted: false };
    Some(Failure::at("CompileError", &cannot_keep(name, message), &place, sources))
}

/// A variable that a cell binds without a type, where it can be only one, and what evcxr says of such a one.
fn without_a_type(code: &str) -> Option<(String, &'static str)> {
    let statements = Parsed::new(code).statements.into_iter().filter_map(ast::LetStmt::cast);
    let untyped: Vec<(String, bool)> = statements
        .filter(|statement| statement.ty().is_none())
        .filter_map(|statement| {
            let ast::Pat::IdentPat(pattern) = statement.pat()? else { return None };
            let is_closure = matches!(statement.initializer()?, ast::Expr::ClosureExpr(_));
            Some((pattern.name()?.text().to_string(), is_closure))
        })
        .collect();
    match untyped.iter().find(|(_, is_closure)| *is_closure) {
        Some((name, _)) => Some((name.clone(), "is a closure")),
        None if untyped.len() == 1 => Some((untyped[0].0.clone(), "determine type")),
        None => None,
    }
}

/// Why evcxr cannot keep a variable, in other words than its own.
fn cannot_keep(name: &str, message: &str) -> String {
    if message.contains("is a closure") {
        format!(
            "`{name}` is a closure, whose type has no name by which it could be kept: make it a function, \
             write `let {name}: Box<dyn Fn(…) -> …> = Box::new(…);`, or put the code in braces"
        )
    } else if message.contains("determine type") {
        format!("the type of `{name}` could not be found out: write it out, `let {name}: … = …;`")
    } else {
        let kind = message.split('`').nth(3).unwrap_or("another");
        format!(
            "`{name}` has the type `{kind}`, which has no name by which it could be kept: box it, as in \
             `let {name}: Box<dyn …> = Box::new(…);`, await a future in the same line, or put the code in \
             braces"
        )
    }
}

/// The variable that a line of evcxr's stores.
fn stored_variable(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("put_variable::<")?;
    rest.rsplit_once("stringify!(")?.1.split(')').next()
}

/// An error without help that leads astray: names that look alike and unknown crates, where the kernel knows the cause or
/// rustc an import, and lists of which only the head is left.
fn without_guesses(mut error: Diagnostic, is_known: bool) -> Diagnostic {
    let imports = error.children.iter().any(|child| child.proposes_import());
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
