//! The hub's variables, read as Python's `huggingface_hub` reads them.

use std::env;
use std::path::{Path, PathBuf};

use crate::data::download::expand_home;
use crate::{Error, Result};

const ENDPOINT: &str = "https://huggingface.co";

/// The hub's address, the user's token, and the folder of the cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Without a slash at the end.
    pub(super) endpoint: String,
    pub(super) token: Option<String>,
    pub(super) offline: bool,
    pub(super) cache: PathBuf,
}

impl Settings {
    /// Reads the environment; `cache` goes before it.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `HF_ENDPOINT` is no web address or the token cannot be sent.
    pub(super) fn new(cache: Option<&Path>) -> Result<Self> {
        Self::from_variables(cache, |name| env::var(name).ok())
    }

    fn from_variables(
        cache: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let folder = |name: &str| variable(name).map(|text| expand(&text, &variable));
        let home = || {
            folder("HF_HOME").unwrap_or_else(|| {
                folder("XDG_CACHE_HOME")
                    .unwrap_or_else(|| expand_home(Path::new("~/.cache")))
                    .join("huggingface")
            })
        };
        let cache = cache
            .map(expand_home)
            .or_else(|| folder("HF_HUB_CACHE"))
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| home().join("hub"));
        let token_file = || {
            let path = folder("HF_TOKEN_PATH").unwrap_or_else(|| home().join("token"));
            std::fs::read_to_string(path).ok()
        };
        let token = variable("HF_TOKEN")
            .or_else(|| variable("HUGGING_FACE_HUB_TOKEN"))
            .or_else(token_file)
            // Copied tokens often end with a line break.
            .map(|token| token.replace(['\r', '\n'], "").trim().to_owned())
            .filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Error::parameter(
                "HF_TOKEN",
                "(hidden)",
                "letters, digits and signs without spaces",
                "Copy the token again.",
            ));
        }
        Ok(Self {
            endpoint: endpoint(variable("HF_ENDPOINT"))?,
            token,
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
            cache,
        })
    }
}

fn endpoint(value: Option<String>) -> Result<String> {
    let Some(value) = value else { return Ok(ENDPOINT.to_owned()) };
    let address = value.trim().trim_end_matches('/');
    let is_web = address.split_once("://").is_some_and(|(scheme, host)| {
        ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) && !host.is_empty()
    });
    if is_web && address.parse::<ureq::http::Uri>().is_ok_and(|uri| uri.query().is_none()) {
        return Ok(address.to_owned());
    }
    let hint = if value.contains("://") {
        format!("The hub's own is {ENDPOINT}.")
    } else {
        format!("Write https://{address}.")
    };
    Err(Error::parameter("HF_ENDPOINT", value, "the address of a hub", hint))
}

/// What Python's client takes for yes; everything else is no.
fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&value.trim().to_ascii_lowercase().as_str())
}

/// A folder from a variable, with `~`, `$NAME` and `${NAME}` replaced.
fn expand(text: &str, variable: &impl Fn(&str) -> Option<String>) -> PathBuf {
    let mut expanded = String::new();
    let mut rest = text.trim();
    while let Some(start) = rest.find('$') {
        expanded += &rest[..start];
        rest = &rest[start + 1..];
        let (name, after) = match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(braced) => braced,
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                rest.split_at(end.unwrap_or(rest.len()))
            }
        };
        match variable(name) {
            Some(value) => expanded += &value,
            // As the shell's own text: an unknown name stays.
            None => expanded += &format!("${}", &rest[..rest.len() - after.len()]),
        }
        rest = after;
    }
    expand_home(Path::new(&(expanded + rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::from_variables(None, |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn endpoints_may_have_a_path_and_a_slash() {
        for (value, expected) in [
            ("", ENDPOINT),
            ("https://m.example", "https://m.example"),
            ("https://m.example/", "https://m.example"),
            (" http://m.example:8080/hf//\n", "http://m.example:8080/hf"),
        ] {
            assert_eq!(settings(&[("HF_ENDPOINT", value)]).unwrap().endpoint, expected);
        }
        for (value, word) in [
            ("m.example/hf", "https://m.example/hf"),
            ("ftp://m.example", "huggingface.co"),
            ("https://", "huggingface.co"),
            ("https://m.example?x=1", "huggingface.co"),
        ] {
            let error = settings(&[("HF_ENDPOINT", value)]).unwrap_err().to_string();
            assert!(error.contains("HF_ENDPOINT") && error.contains(word), "{error}");
        }
    }

    #[test]
    fn offline_is_what_python_takes_for_it() {
        for (value, expected) in [
            ("1", true),
            ("true", true),
            ("YES", true),
            ("On", true),
            (" 1 ", true),
            ("0", false),
            ("false", false),
            ("no", false),
            ("off", false),
            ("", false),
            ("2", false),
        ] {
            let offline = settings(&[("HF_HUB_OFFLINE", value)]).unwrap().offline;
            assert_eq!(offline, expected, "{value:?}");
        }
    }

    #[test]
    fn tokens_are_cleaned_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "hf_file\n").unwrap();
        let path = ("HF_TOKEN_PATH", file.to_str().unwrap());
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        let token = |variables: &[(&str, &str)]| settings(variables).unwrap().token;
        assert_eq!(token(&[("HF_TOKEN", "hf_a\r\n"), path]).as_deref(), Some("hf_a"));
        assert_eq!(token(&[("HF_TOKEN", "\n"), path]).as_deref(), Some("hf_file"));
        assert_eq!(token(&[home]).as_deref(), Some("hf_file"));
        let error = settings(&[("HF_TOKEN", "hf_s\u{e9}cret")]).unwrap_err().to_string();
        assert!(error.contains("HF_TOKEN") && !error.contains("hf_s"), "{error}");
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let home = env::home_dir().unwrap();
        for (variables, expected) in [
            (vec![], home.join(".cache/huggingface/hub")),
            (vec![("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub".into()),
            (vec![("HF_HOME", "~/h"), ("XDG_CACHE_HOME", "/x")], home.join("h/hub")),
            (vec![("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/h")], "/old".into()),
            (vec![("HF_HUB_CACHE", "$D/c/${E}-$F"), ("D", "/d"), ("E", "e")], "/d/c/e-$F".into()),
            (vec![("HF_HUB_CACHE", "/c"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/c".into()),
        ] {
            assert_eq!(settings(&variables).unwrap().cache, expected, "{variables:?}");
        }
        assert_eq!(
            Settings::from_variables(Some(Path::new("~/c")), |_| None).unwrap().cache,
            home.join("c")
        );
    }
}
