//! Single statements of a cell: what they define, and what a notebook would show of them.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Expr, Item, Stmt, UseTree};

/// The text of a statement, in which what a notebook would show is shown.
pub(crate) fn shown(text: &str, statement: &Stmt, is_last: bool, id: &str) -> String {
    let whole = statement.span().byte_range();
    let mut displays = Displays { text, id, changes: Vec::new() };
    displays.visit_stmt(statement);
    let mut code = text[whole.clone()].to_owned();
    // From the end on, so that places before a change stay where they are.
    displays.changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in displays.changes {
        code.replace_range(range.start - whole.start..range.end - whole.start, &new);
    }
    match statement {
        Stmt::Expr(expression, None) if is_last && has_value(expression) => {
            format!("show!({code}, \"{id}\");")
        }
        // It is no longer the last.
        Stmt::Expr(Expr::Macro(_) | Expr::Assign(_), None) => format!("{code};"),
        _ => code,
    }
}

/// Whether an expression may have a value to show. Loops, `if` without `else` and what prints have none.
fn has_value(expression: &Expr) -> bool {
    match expression {
        Expr::ForLoop(_) | Expr::While(_) | Expr::Assign(_) => false,
        Expr::Macro(call) => {
            let name = call
                .mac
                .path
                .segments
                .last()
                .map(|last| last.ident.to_string())
                .unwrap_or_default();
            !(name.ends_with("print") || name.ends_with("println") || name.contains("assert"))
        }
        Expr::If(conditional) => conditional.else_branch.is_some(),
        _ => true,
    }
}

/// Finds calls of `evcxr_display`, and the text to put in their places.
struct Displays<'a> {
    text: &'a str,
    id: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'ast> Visit<'ast> for Displays<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "evcxr_display" && call.args.is_empty() {
            let receiver = &self.text[call.receiver.span().byte_range()];
            let new = format!("show!({receiver}, \"{}\")", self.id);
            self.changes.push((call.span().byte_range(), new));
        } else {
            syn::visit::visit_expr_method_call(self, call);
        }
    }
}

/// The names that an item takes, each with the kind of names among which it must be the only one.
pub(crate) fn item_names(statement: &Stmt) -> Vec<String> {
    let Stmt::Item(item) = statement else { return Vec::new() };
    let name = |kind: &str, name: &syn::Ident| vec![format!("{kind} {name}")];
    match item {
        Item::Fn(it) => name("value", &it.sig.ident),
        Item::Const(it) => name("value", &it.ident),
        Item::Static(it) => name("value", &it.ident),
        Item::Struct(it) => name("type", &it.ident),
        Item::Enum(it) => name("type", &it.ident),
        Item::Trait(it) => name("type", &it.ident),
        Item::Type(it) => name("type", &it.ident),
        Item::Union(it) => name("type", &it.ident),
        Item::Mod(it) => name("type", &it.ident),
        Item::Use(it) => used(&it.tree),
        _ => Vec::new(),
    }
}

fn used(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => used(&path.tree),
        UseTree::Name(name) => vec![format!("use {}", name.ident)],
        UseTree::Rename(rename) => vec![format!("use {}", rename.rename)],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(group) => group.items.iter().flat_map(used).collect(),
    }
}
