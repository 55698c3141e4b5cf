//! What has to make way for a cell that does not compile, so that it does when it is tried again.

use std::collections::BTreeMap;

use ra_ap_syntax::SyntaxKind;

use crate::evaluator::engine::Engine;
use crate::evaluator::errors::diagnostic::{Diagnostic, Owner};
use crate::evaluator::notebook::{Attempt, Change};
use crate::source::display::Display;
use crate::source::parse::Parsed;

/// Functions that no longer fit, by what they are called, with the cell that has them.
type SetAside = BTreeMap<String, i64>;

impl Engine {
    /// Notes in `attempt` what has to make way for a cell that does not compile. `false` if nothing
    /// would help.
    pub(super) fn move_away(
        &self,
        errors: &[&Diagnostic],
        change: &Change,
        code: &str,
        attempt: &mut Attempt,
        set_aside: &mut SetAside,
    ) -> bool {
        let notebook = &self.notebook;
        let cell = change.cell;
        let mut moved = false;
        let earlier = |it: &Diagnostic| -> Vec<usize> {
            let places = it.spans.iter().filter_map(|span| span.cell.as_ref());
            places.filter(|(at, _)| at.cell != cell).filter_map(|(at, _)| at.segment).collect()
        };
        for error in errors {
            let owner = error.owner(cell);
            // Two blocks say the same: the earlier one makes way.
            if error.has_code(&["E0119", "E0592", "E0034"]) {
                for (key, block) in
                    earlier(error).into_iter().filter_map(|it| notebook.block_of(it))
                {
                    let name = error.named().filter(|name| {
                        error.has_code(&["E0592"]) && block.item.members.iter().any(|it| it == name)
                    });
                    moved |= match name {
                        Some(name) => attempt.removed_members.insert((key, name.to_owned())),
                        None => attempt.removed_blocks.insert(key),
                    };
                }
            }
            // What a `return` would store has gone elsewhere.
            if owner == Owner::Inserted
                && change.has_return
                && error.has_code(&["E0382", "E0505", "E0381", "E0507", "E0597", "E0716"])
                && let Some(name) = error.named()
            {
                moved |= attempt.not_kept.insert(name.to_owned());
            }
            // `evcxr_display(self)` takes the value.
            if owner == Owner::Inserted
                && error.has_code(&["E0507"])
                && attempt.display == Display::Value
            {
                attempt.display = Display::Evcxr;
                moved = true;
            }
        }
        // A call of a macro at the end may define something instead of being a value.
        let last = Parsed::new(code).statements.last().map(|node| node.kind());
        if !moved
            && change.is_shown
            && last == Some(SyntaxKind::MACRO_EXPR)
            && errors.iter().all(|it| it.code.is_none())
            && attempt.display == Display::Value
        {
            attempt.display = Display::Nothing;
            return true;
        }
        if moved || !change.defines || errors.is_empty() {
            return moved;
        }
        // Nothing is wrong with the cell, but functions of earlier ones no longer fit.
        let mut moving = attempt.clone();
        let mut names = SetAside::new();
        for error in errors {
            let Owner::Earlier(segment) = error.owner(cell) else { return false };
            let count = {
                let sources = notebook.sources();
                sources.map.cell(sources.map.segment(segment).cell).count
            };
            let place = error.primary().and_then(|span| span.cell.as_ref()).map(|(place, _)| place);
            if let Some((key, block)) = notebook.block_of(segment) {
                // A trait's block is whole or nothing.
                match place.and_then(|place| notebook.member_at(place)) {
                    Some(name) if !block.item.is_trait_impl() => {
                        moving.removed_members.insert((key, name.clone()));
                        names.insert(name, count);
                    }
                    _ => {
                        moving.removed_blocks.insert(key);
                        names.insert(block.item.title(), count);
                    }
                }
            } else if let Some(item) = notebook.item_of(segment)
                && item.kind == SyntaxKind::FN
                && let Some(name) = &item.name
            {
                moving.removed_names.insert(name.clone());
                names.insert(name.clone(), count);
            } else {
                return false;
            }
        }
        *attempt = moving;
        set_aside.extend(names);
        true
    }
}
