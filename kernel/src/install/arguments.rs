//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;

use super::places::Place;

/// The name under which Jupyter knows the kernel, unless another is given.
const NAME: &str = "twoviews";
/// What Jupyter's menus call it.
const DISPLAY_NAME: &str = "Rust";

/// What the program is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve the notebook of this connection file.
    Serve(PathBuf),
    Install(Install),
    Uninstall(Uninstall),
    Doctor,
    Version,
    Help,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Install {
    pub place: Place,
    pub name: String,
    pub display_name: String,
    pub environment: BTreeMap<String, String>,
    /// A file with dependencies.
    pub crates: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Uninstall {
    pub place: Place,
    pub name: String,
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command> {
    read(&mut lexopt::Parser::from_args(arguments))
        .with_context(|| "this is not how twoviews-kernel is used (--help shows how)".to_owned())
}

fn read(parser: &mut lexopt::Parser) -> Result<Command> {
    let command = match parser.next()? {
        None | Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => Command::Version,
        // Jupyter's own kernels write it either way.
        Some(Long("control_file" | "connection-file")) => Command::Serve(parser.value()?.into()),
        Some(Value(word)) => match word.to_str() {
            Some("install") => {
                return Ok(options(parser, true)?.map_or(Command::Help, Command::Install));
            }
            Some("uninstall") => {
                let options = options(parser, false)?;
                return Ok(options.map_or(Command::Help, |Install { place, name, .. }| {
                    Command::Uninstall(Uninstall { place, name })
                }));
            }
            Some("doctor") => Command::Doctor,
            Some("help") => Command::Help,
            _ => bail!("{word:?} is not known: install, uninstall, doctor"),
        },
        Some(other) => return Err(other.unexpected().into()),
    };
    match parser.next()? {
        None => Ok(command),
        Some(other) => Err(other.unexpected().into()),
    }
}

/// The options of `install`; `uninstall` knows the first four only. `None`: the user asks how to.
fn options(parser: &mut lexopt::Parser, installs: bool) -> Result<Option<Install>> {
    let mut place: Option<Place> = None;
    let mut options = Install {
        place: Place::User,
        name: NAME.to_owned(),
        display_name: DISPLAY_NAME.to_owned(),
        environment: BTreeMap::new(),
        crates: None,
    };
    while let Some(argument) = parser.next()? {
        let found = match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("user") => Place::User,
            Long("sys-prefix") => Place::SysPrefix,
            Long("prefix") => Place::Prefix(parser.value()?.into()),
            Long("name") => {
                options.name = name(text(parser.value()?)?)?;
                continue;
            }
            Long("display-name") if installs => {
                options.display_name = text(parser.value()?)?;
                continue;
            }
            Long("crates") if installs => {
                options.crates = Some(parser.value()?.into());
                continue;
            }
            Long("env") if installs => {
                let (name, value) = assignment(&text(parser.value()?)?)?;
                options.environment.insert(name, value);
                continue;
            }
            other => return Err(other.unexpected().into()),
        };
        if let Some(before) = place.replace(found) {
            bail!("{before} and another place: one of --user, --sys-prefix and --prefix");
        }
    }
    ensure!(!options.display_name.trim().is_empty(), "--display-name: a text that can be seen");
    options.place = place.unwrap_or(Place::User);
    Ok(Some(options))
}

fn name(name: String) -> Result<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    ensure!(
        !name.is_empty() && name.chars().all(is_allowed) && !name.starts_with('.'),
        "--name {name:?}: letters, digits, `.`, `_` and `-`, which is what Jupyter takes"
    );
    Ok(name)
}

fn assignment(text: &str) -> Result<(String, String)> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.with_context(|| format!("--env {text}: NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn text(value: OsString) -> Result<String> {
    value.into_string().map_err(|value| anyhow::anyhow!("{} is not UTF-8", value.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn refusal(line: &str) -> String {
        format!("{:#}", parsed(line).unwrap_err())
    }

    #[test]
    fn defaults_are_the_users_own_kernel() {
        let Command::Install(install) = parsed("install").unwrap() else { panic!("not install") };
        assert_eq!((install.place, install.name.as_str()), (Place::User, "twoviews"));
        assert_eq!(install.display_name, "Rust");
        assert!(install.environment.is_empty() && install.crates.is_none());
    }

    #[test]
    fn every_option_is_read() {
        let line = "install --prefix=/x --name rust-2 --env A=b=c --env B= --crates list.toml";
        let Command::Install(install) = parsed(line).unwrap() else { panic!("not install") };
        assert_eq!(install.place, Place::Prefix("/x".into()));
        assert_eq!(install.name, "rust-2");
        assert_eq!(install.environment["A"], "b=c");
        assert_eq!(install.environment["B"], "");
        assert_eq!(install.crates, Some("list.toml".into()));
        let expected = Uninstall { place: Place::SysPrefix, name: "a.b".into() };
        assert_eq!(
            parsed("uninstall --sys-prefix --name a.b").unwrap(),
            Command::Uninstall(expected)
        );
        for line in ["--control_file /c.json", "--connection-file=/c.json"] {
            assert_eq!(parsed(line).unwrap(), Command::Serve("/c.json".into()));
        }
        for line in ["", "-h", "--help", "help", "install --help", "uninstall -h"] {
            assert_eq!(parsed(line).unwrap(), Command::Help);
        }
        assert_eq!(parsed("doctor").unwrap(), Command::Doctor);
        assert_eq!(parsed("-V").unwrap(), Command::Version);
    }

    #[test]
    fn what_is_not_meant_is_refused_by_name() {
        for (line, part) in [
            ("remove", "\"remove\" is not known: install, uninstall, doctor"),
            ("install --user --sys-prefix", "--user and another place"),
            ("install --name a/b", "letters, digits"),
            ("install --name ..", "letters, digits"),
            ("install --env A", "NAME=VALUE"),
            ("install --env =b", "NAME=VALUE"),
            ("install --prefix", "missing argument"),
            ("install --nme x", "--nme"),
            ("install extra", "extra"),
            ("doctor extra", "extra"),
            ("uninstall --env A=b", "--env"),
        ] {
            assert!(refusal(line).contains(part), "{line}: {}", refusal(line));
        }
    }
}
