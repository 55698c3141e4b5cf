//! Addresses that users write: `file://`, percent signs, `~`.

use std::env;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::{Error, Result};

/// The file that a `file` address names, `None` for a web address.
///
/// # Errors
/// [`Error::Parameter`] for a plain path or an address of another kind.
pub(crate) fn local_file(url: &str) -> Result<Option<PathBuf>> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let allowed = "an http, https or file address";
    match scheme.as_deref() {
        Some("http" | "https") => Ok(None),
        Some("file") => {
            let path = &url["file://".len()..];
            let path = match path.split_once('/') {
                Some((host, rest)) if host.eq_ignore_ascii_case("localhost") => format!("/{rest}"),
                _ => path.to_owned(),
            };
            let decoded = percent_decode_str(&path).decode_utf8().map(|text| text.into_owned());
            let decoded = expand_home(Path::new(decoded.as_deref().unwrap_or(&path)));
            // Who made the address from a path did not encode it, and it may hold a percent sign.
            let literal = expand_home(Path::new(&path));
            Ok(Some(if !decoded.exists() && literal.exists() { literal } else { decoded }))
        }
        Some(_) => Err(Error::parameter(
            "url",
            url,
            allowed,
            "Download it with another program and give its file.",
        )),
        None => {
            let path = expand_home(Path::new(url));
            let path = std::path::absolute(&path).unwrap_or(path);
            let hint = format!("For a file on this machine write file://{}.", path.display());
            Err(Error::parameter("url", url, allowed, hint))
        }
    }
}

/// A path in which `~` at the start stands for the home folder.
pub(crate) fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_addresses_name_files() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().display().to_string();
        let file = |url: String| local_file(&url).unwrap().unwrap().display().to_string();
        assert_eq!(file(format!("file://{folder}/a%20%C3%BC.gz")), format!("{folder}/a ü.gz"));
        assert_eq!(file(format!("FILE://localhost{folder}/a b")), format!("{folder}/a b"));
        assert_eq!(file(format!("file://{folder}/100%")), format!("{folder}/100%"));
        std::fs::write(format!("{folder}/a%20b"), "").unwrap();
        assert_eq!(file(format!("file://{folder}/a%20b")), format!("{folder}/a%20b"));
        let home = env::home_dir().unwrap();
        assert_eq!(file("file://~/a".into()), home.join("a").display().to_string());
        assert_eq!(local_file("HTTPS://a.example/b").unwrap(), None);
        for (url, word) in [("/data/a.gz", "file:///data/a.gz"), ("ftp://a.example/b", "ftp")] {
            let error = local_file(url).unwrap_err();
            assert!(matches!(error, Error::Parameter { .. }) && error.to_string().contains(word));
        }
    }

    #[test]
    fn only_a_leading_tilde_is_the_home_folder() {
        let home = env::home_dir().unwrap();
        for (path, expected) in [
            ("~", home.clone()),
            ("~/a/~", home.join("a/~")),
            ("a/~", "a/~".into()),
            ("./~", "./~".into()),
            ("~other/a", "~other/a".into()),
        ] {
            assert_eq!(expand_home(Path::new(path)), expected);
        }
    }
}
