//! Compile errors with what the kernel knows beyond the compiler.

use evcxr::Error;
use ra_ap_syntax::ast::{self, AstNode, HasName};

use super::causes::{note, why_borrowed, why_unfit, why_unstored, without_guesses};
use crate::evaluator::engine::Engine;
use crate::evaluator::errors::Failure;
use crate::evaluator::errors::diagnostic::{Diagnostic, Owner, Span};
use crate::evaluator::notebook::Change;
use crate::source::Sources;
use crate::source::map::Place;
use crate::source::parse::{self, Parsed};

/// What evcxr says of a variable that holds one.
const CLOSURE: &str = "is a closure";

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
        let only_others_borrow = !has(is_users) && errors.iter().all(|it| it.has_code(&["E0521"]));
        // With `move`, which rustc proposes, a closure cannot be kept either.
        let mut of_cell =
            errors.iter().zip(&owners).filter(|(_, owner)| is_users(owner)).peekable();
        let captures = of_cell.peek().is_some() && of_cell.all(|(it, _)| it.has_code(&["E0373"]));
        if let Some((name, message)) = without_a_type(code)
            && (only_others_borrow || captures && message == CLOSURE)
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
        if owner == Owner::Inserted && error.message.contains("evcxr_display") {
            let kind = error.message.split('`').nth(3).unwrap_or("this type");
            return self.not_shown(error, kind.trim_start_matches('&'), change, code);
        }
        let unknown = self.why_unknown(error);
        let mut told = without_guesses(error.clone(), !unknown.is_empty());
        let others = [
            self.why_immutable(error),
            why_unfit(owner, sources),
            why_borrowed(error),
            why_unstored(error),
        ];
        told.children.extend(unknown.into_iter().chain(others.into_iter().flatten()).map(note));
        told
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
        Some((name, _)) => Some((name.clone(), CLOSURE)),
        None if untyped.len() == 1 => Some((untyped[0].0.clone(), "determine type")),
        None => None,
    }
}

/// Why evcxr cannot keep a variable, in other words than its own.
fn cannot_keep(name: &str, message: &str) -> String {
    if message.contains(CLOSURE) {
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
