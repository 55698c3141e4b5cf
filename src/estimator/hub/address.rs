//! Addresses of repositories on the hub, and what to write instead of mistaken ones.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Error, Result};

pub(super) const PREFIX: &str = "hf-hub:";

/// What `urllib.parse.quote` leaves as it is, which Python's client uses.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A repository of the hub at a revision: a branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) revision: String,
}

impl Repository {
    /// What stands after `hf-hub:` in `source`: `owner/name` or `owner/name@revision`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if either could not be a repository's or a revision's name.
    pub(super) fn parse(source: &str, address: &str) -> Result<Self> {
        let (repository, revision) = address.split_once('@').unwrap_or((address, "main"));
        let hint = written_as_web_address(address).unwrap_or_else(|| {
            "For example hf-hub:neurospin/nidl_example_dcl_vs_simclr@main.".to_owned()
        });
        let refused = |allowed| Error::parameter("source", source, allowed, &hint);
        let (owner, name) = repository
            .split_once('/')
            .filter(|(owner, name)| is_name(owner) && is_name(name))
            .ok_or_else(|| refused("hf-hub:owner/name, of letters, digits and -, _, ."))?;
        if !is_revision(revision) {
            return Err(refused("hf-hub:owner/name@revision, a branch, tag or commit"));
        }
        Ok(Self { owner: owner.into(), name: name.into(), revision: revision.into() })
    }

    /// The address of a file below the hub's address.
    pub(super) fn url(&self, endpoint: &str, file: &str) -> String {
        let quote = |text| utf8_percent_encode(text, UNRESERVED).to_string();
        let file: Vec<String> = file.split('/').map(quote).collect();
        let (owner, name) = (&self.owner, &self.name);
        format!("{endpoint}/{owner}/{name}/resolve/{}/{}", quote(&self.revision), file.join("/"))
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}/{}@{}", self.owner, self.name, self.revision)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
        && !text.contains("..")
        && !text.contains("--")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// git's rules for the names of branches and tags, which keep a name inside its folder.
fn is_revision(text: &str) -> bool {
    let component =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text.split('/').all(component)
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c))
}

/// Whether a folder's name could have been meant as a repository's.
pub(super) fn looks_like_repository(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// What to write instead of an address of the hub's pages, if it is one.
pub(super) fn written_as_web_address(text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let lower = rest.to_ascii_lowercase();
    let host = ["huggingface.co/", "www.huggingface.co/", "hf.co/"]
        .into_iter()
        .find(|host| lower.starts_with(host));
    let path = match host {
        Some(host) => &rest[host.len()..],
        None if text.starts_with("hf://") => rest,
        None => return None,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.strip_prefix("models/").unwrap_or(path);
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (owner, name) = (parts.next()?, parts.next()?);
    let (name, mut revision) = match name.split_once('@') {
        Some((name, revision)) => (name, Some(revision.to_owned())),
        None => (name, None),
    };
    let mut rest: Vec<&str> = parts.collect();
    if let [kind, of, ..] = rest[..]
        && ["resolve", "blob", "tree", "raw"].contains(&kind)
    {
        revision = Some(decode(of));
        rest.drain(..2);
    }
    let revision =
        revision.filter(|name| name != "main").map_or(String::new(), |r| format!("@{r}"));
    let file = match rest[..] {
        [] => String::new(),
        _ => format!(" as source and {} as file", decode(&rest.join("/"))),
    };
    Some(format!("Write {PREFIX}{owner}/{name}{revision}{file}."))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<Repository> {
        Repository::parse(&format!("{PREFIX}{address}"), address)
    }

    #[test]
    fn names_that_the_hub_allows_are_accepted_and_quoted() {
        for (address, expected) in [
            ("a/b", "http://h/a/b/resolve/main/x%20y/%C3%BC%23.ckpt"),
            ("A-1/b_2.c@v1.0", "http://h/A-1/b_2.c/resolve/v1.0/x%20y/%C3%BC%23.ckpt"),
            ("a/b@refs/pr/3", "http://h/a/b/resolve/refs%2Fpr%2F3/x%20y/%C3%BC%23.ckpt"),
            ("a/b@fix@2", "http://h/a/b/resolve/fix%402/x%20y/%C3%BC%23.ckpt"),
        ] {
            assert_eq!(parse(address).unwrap().url("http://h", "x y/ü#.ckpt"), expected);
        }
    }

    #[test]
    fn names_that_lead_out_of_the_cache_are_refused() {
        for address in [
            "b",
            "a/b/c",
            "/b",
            "a/",
            "../b",
            "a/..",
            "a/b--c",
            "a b/c",
            "a/b@",
            "a/b@..",
            "a/b@../x",
            "a/b@x/../../y",
            "a/b@/etc",
            "a/b@x/",
            "a/b@x//y",
            "a/b@.x",
            "a/b@x y",
            "a/b@x\ny",
            "a/b@x\\y",
        ] {
            assert!(matches!(parse(address), Err(Error::Parameter { .. })), "{address}");
        }
    }

    #[test]
    fn web_addresses_are_translated() {
        for (address, expected) in [
            ("https://huggingface.co/a/b", "Write hf-hub:a/b."),
            ("huggingface.co/a/b/tree/main", "Write hf-hub:a/b."),
            ("https://hf.co/a/b/tree/v1/", "Write hf-hub:a/b@v1."),
            (
                "https://huggingface.co/a/b/resolve/main/d/x%20y.ckpt?download=true",
                "Write hf-hub:a/b as source and d/x y.ckpt as file.",
            ),
            ("hf://a/b@v1/x.ckpt", "Write hf-hub:a/b@v1 as source and x.ckpt as file."),
        ] {
            assert_eq!(written_as_web_address(address).as_deref(), Some(expected));
        }
        for other in ["https://other.example/a/b", "a/b", "./huggingface.co"] {
            assert_eq!(written_as_web_address(other), None);
        }
    }
}
