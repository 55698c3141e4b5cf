//! The crates that are compiled beforehand.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// Reads a list: a `Cargo.toml`, or what stands in its `[dependencies]`. Gives a line for each crate, as behind
/// `:dep`, with paths from the root.
pub(crate) fn read(file: &Path) -> Result<String> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("--crates {name}"))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| anyhow::anyhow!("--crates {name}: {error}"))?;
    let dependencies = match table.get("dependencies") {
        Some(toml::Value::Table(dependencies)) => dependencies.clone(),
        Some(_) => bail!("--crates {name}: `dependencies` is no table"),
        None if table.contains_key("package") || table.contains_key("workspace") => {
            bail!("--crates {name}: it has no [dependencies]")
        }
        None => table,
    };
    ensure!(!dependencies.is_empty(), "--crates {name}: it names no crate, as in `rand = \"0.9\"`");
    let folder = std::path::absolute(file)?;
    let folder = folder.parent().context("a file lies in a folder")?;
    let mut lines = String::new();
    for (dependency, value) in dependencies {
        let value = specification(value, folder)
            .with_context(|| format!("--crates {name}: {dependency}"))?;
        writeln!(lines, "{dependency} = {value}")?;
    }
    Ok(lines.trim_end().to_owned())
}

fn specification(value: toml::Value, folder: &Path) -> Result<toml::Value> {
    match value {
        toml::Value::String(version) => Ok(version.into()),
        toml::Value::Table(mut table) => {
            ensure!(
                !table.contains_key("workspace"),
                "write the version out: there is no workspace here"
            );
            if let Some(path) = table.get("path").and_then(toml::Value::as_str) {
                let path = folder.join(path);
                ensure!(
                    path.join("Cargo.toml").is_file(),
                    "there is no crate in {}",
                    path.display()
                );
                let path = path.canonicalize()?.to_string_lossy().into_owned();
                table.insert("path".to_owned(), path.into());
            }
            Ok(table.into())
        }
        other => bail!("{other} is neither a version nor a table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("own/src"))?;
        fs::write(folder.path().join("own/Cargo.toml"), "[package]\nname = \"own\"")?;
        let file = folder.path().join("list.toml");
        fs::write(&file, text)?;
        let lines = read(&file)?;
        let place = folder.path().canonicalize()?;
        Ok(lines.replace(&place.display().to_string(), "ROOT"))
    }

    #[test]
    fn manifests_and_plain_lists_are_read_alike() {
        let plain = "rand = \"0.9\"\nserde = { version = \"1\", features = [\"derive\"] }";
        let expected = "rand = \"0.9\"\nserde = { version = \"1\", features = [\"derive\"] }";
        let sorted = |text: &str| {
            let table: toml::Table = text.parse().unwrap();
            table
        };
        assert_eq!(sorted(&list(plain).unwrap()), sorted(expected));
        let manifest = format!("[package]\nname = \"x\"\n[dependencies]\n{plain}");
        assert_eq!(sorted(&list(&manifest).unwrap()), sorted(expected));
        // A line each, however they were written.
        let long =
            list("[dependencies.serde]\nversion = \"1\"\nfeatures = [\n\"derive\",\n]").unwrap();
        assert_eq!(long.lines().count(), 1);
        assert_eq!(list("own = { path = \"own\" }").unwrap(), "own = { path = \"ROOT/own\" }");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_file() {
        for (text, part) in [
            ("", "names no crate"),
            ("rand", "--crates"),
            ("[package]\nname = \"x\"", "no [dependencies]"),
            ("dependencies = 1", "no table"),
            ("rand = 9", "neither a version nor a table"),
            ("own = { path = \"nowhere\" }", "there is no crate in"),
            ("serde = { workspace = true }", "write the version out"),
        ] {
            let error = format!("{:#}", list(text).unwrap_err());
            assert!(error.contains(part) && error.contains("list.toml"), "{text}: {error}");
        }
        assert!(
            format!("{:#}", read(Path::new("/nowhere.toml")).unwrap_err())
                .contains("/nowhere.toml")
        );
    }
}
