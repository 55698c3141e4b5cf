//! What to do with a file that does not fit a model: the renaming with which it would.

use std::collections::BTreeMap;

use super::LoadOptions;
use super::state_dict::{Differences, Found, StateDict, differences};

/// What to do with a file that does not fit: the renaming with which it does, if there is one.
pub(super) fn advice(own: &StateDict, found: &BTreeMap<String, Found>) -> String {
    let all: Vec<&str> = own.keys().map(String::as_str).collect();
    let whole = Group { to: "", names: all.clone() };
    let mut options: Vec<LoadOptions> =
        whole.beginnings(own, found).into_iter().map(LoadOptions::strip).collect();
    let groups = Group::split(&all);
    let beginnings: Vec<Vec<String>> =
        groups.iter().map(|group| group.beginnings(own, found)).collect();
    let mut pairs = vec![Vec::new()];
    for (group, beginnings) in groups.iter().zip(&beginnings) {
        pairs = pairs
            .iter()
            .flat_map(|pairs: &Vec<(String, String)>| {
                beginnings.iter().map(|from| {
                    let mut pairs = pairs.clone();
                    pairs.push((from.clone(), group.to.to_owned()));
                    pairs
                })
            })
            .take(MAX_TRIED)
            .collect();
    }
    let pairs = pairs.into_iter().filter(|pairs| is_one_copy(pairs, &beginnings));
    options.extend(pairs.map(|rename| LoadOptions { rename }));
    // Renamings that load the same tensors are one.
    let mut fitting: Vec<(LoadOptions, BTreeMap<String, &str>)> = Vec::new();
    for options in options {
        if let Some(names) = fit(own, found, &options)
            && fitting.iter().all(|(_, other)| *other != names)
        {
            fitting.push((options, names));
        }
    }
    let spelt = fitting.iter().take(3).map(|(options, _)| format!("{:?}", options.rename));
    let fitting: Vec<String> = spelt.collect();
    if !fitting.is_empty() {
        let fitting = fitting.join(", or ");
        return format!("Everything fits with LoadOptions whose rename is {fitting}.");
    }
    if let Some(index) = groups.iter().position(|group| group.to == ENCODER)
        && let Some(from) = beginnings[index].first()
        && beginnings.iter().enumerate().all(|(other, b)| other == index || b.is_empty())
    {
        let with = match from.as_str() {
            "" => String::new(),
            from => format!(" with LoadOptions::strip({from:?})"),
        };
        return format!("It has the encoder and no projection head: use load_pretrained{with}.");
    }
    "Load the file that belongs to this model, or build the model with the file's sizes.".into()
}

const ENCODER: &str = "encoder.";
/// Renamings that are tried: a file has few copies of a model.
const MAX_TRIED: usize = 32;

/// Whether all parts come from one copy of the model: if one is taken from `teacher.`, then so is
/// every other that is there, too.
fn is_one_copy(pairs: &[(String, String)], beginnings: &[Vec<String>]) -> bool {
    let copy = |from: &str| from.split('.').next().map(str::to_owned);
    pairs.iter().all(|(from, _)| {
        pairs.iter().zip(beginnings).all(|((other, _), there)| {
            copy(from) == copy(other) || there.iter().all(|there| copy(there) != copy(from))
        })
    })
}

/// The tensors that a renaming would load, if they fit.
fn fit<'a>(
    own: &StateDict,
    found: &'a BTreeMap<String, Found>,
    options: &LoadOptions,
) -> Option<BTreeMap<String, &'a str>> {
    let names = options.apply(found.keys()).ok()?;
    let renamed = names.iter().map(|(target, name)| (target.clone(), found[*name])).collect();
    (differences(own, &renamed) == Differences::default()).then_some(names)
}

/// Tensors of a model that lie in one part of it.
struct Group<'a> {
    /// The beginning that their names share, up to a dot.
    to: &'a str,
    names: Vec<&'a str>,
}

impl<'a> Group<'a> {
    /// One group for each first word of the (sorted) names.
    fn split(names: &[&'a str]) -> Vec<Self> {
        let first = |name: &str| name.split('.').next().map(str::len);
        names
            .chunk_by(|a, b| first(a).map(|end| &a[..end]) == first(b).map(|end| &b[..end]))
            .map(|names| {
                let (a, b) = (names[0], names[names.len() - 1]);
                let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
                let to = a[..same].rfind('.').map_or("", |dot| &a[..=dot]);
                Self { to, names: names.to_vec() }
            })
            .collect()
    }

    /// The beginnings with which the file has every tensor of the group, the shortest first.
    fn beginnings(&self, own: &StateDict, found: &BTreeMap<String, Found>) -> Vec<String> {
        let Some(anchor) = self.names.first() else { return Vec::new() };
        let has = |from: &str, name: &str| {
            let there = found.get(&format!("{from}{}", &name[self.to.len()..]));
            matches!(there, Some(Found::Tensor(shape, _)) if *shape == own[name].size())
        };
        let mut beginnings: Vec<String> = found
            .keys()
            .filter_map(|name| name.strip_suffix(&anchor[self.to.len()..]))
            .filter(|from| from.is_empty() || from.ends_with('.'))
            .filter(|from| self.names.iter().all(|name| has(from, name)))
            .map(str::to_owned)
            .take(MAX_TRIED)
            .collect();
        beginnings.sort_by_key(String::len);
        beginnings
    }
}
