//! cargo's words about a crate that cannot be had, in one line.

/// The crate or the repository was not found and nobody may look elsewhere.
pub(crate) fn offline(stderr: &str) -> String {
    match wanted(stderr) {
        Some(wanted) => format!(
            "{wanted} is not on this machine, and cargo is set to work offline (`:offline 1`, \
             CARGO_NET_OFFLINE or `offline` in cargo's settings)"
        ),
        None => in_one_line(stderr),
    }
}

/// It was not found on this machine (`offline`), and then not elsewhere (`online`).
pub(crate) fn online(offline: &str, online: &str) -> String {
    let is_cut_off =
        ["spurious network error", "network failure", "failed to download from", "successful HTTP"];
    if !is_cut_off.iter().any(|words| online.contains(words)) {
        return in_one_line(online);
    }
    let cause = paragraphs(online).pop().unwrap_or_default();
    let cause = cause.split("; class=").next().unwrap_or_default();
    // curl's number, and its own words once more.
    let cause = cause.trim_start_matches(|c: char| "[]".contains(c) || c.is_numeric()).trim_start();
    let cause = cause.split(" (").next().unwrap_or_default();
    match wanted(offline) {
        Some(wanted) => {
            let place = if wanted.starts_with("the ") { "it" } else { "the registry" };
            format!(
                "{wanted} is not on this machine and {place} cannot be reached: {cause}; connect \
                 once, it is kept afterwards"
            )
        }
        None => in_one_line(offline),
    }
}

/// What went wrong, without what only repeats it or speaks of evcxr's packages.
pub(crate) fn in_one_line(stderr: &str) -> String {
    if let Some(missing) = missing_feature(stderr) {
        return missing;
    }
    let mut parts = paragraphs(stderr);
    parts.dedup();
    let is_empty = |part: &String| {
        part.starts_with("failed to load source for dependency")
            || part.starts_with("failed to parse manifest at")
    };
    if parts.len() > 1 {
        parts.retain(|part| !is_empty(part));
    }
    match parts.is_empty() {
        true => stderr.trim().to_owned(),
        false => parts.join(": "),
    }
}

/// What cargo has not found on this machine.
fn wanted(stderr: &str) -> Option<String> {
    let between = |before: &str, after: &str| {
        let (_, rest) = stderr.split_once(before)?;
        rest.split_once(after).map(|(name, _)| name.to_owned())
    };
    let repository = between("unable to update ", "\n").filter(|place| place.contains("://"));
    if let Some(repository) = repository {
        return Some(format!("the repository {}", repository.trim_matches('`')));
    }
    let name = between("no matching package named `", "`")
        .or_else(|| between("failed to download `", "`"))
        .or_else(|| between("failed to select a version for the requirement `", "`"))
        .or_else(|| between("failed to get `", "`"))
        .filter(|_| stderr.contains("offline"))?;
    match between("\nrequired by package `", "`").filter(|package| !is_evcxrs(package)) {
        Some(package) => Some(format!("`{name}`, which `{package}` needs,")),
        None => Some(format!("`{name}`")),
    }
}

fn missing_feature(stderr: &str) -> Option<String> {
    let (_, rest) = stderr.split_once("` with feature `")?;
    let (feature, rest) = rest.split_once("` but `")?;
    let (name, rest) = rest.split_once("` does not have that feature")?;
    let available = rest.split_once("available features:").and_then(|(_, it)| it.lines().next());
    let available = available.map(|it| format!(": there are {}", it.trim())).unwrap_or_default();
    Some(format!("`{name}` has no feature `{feature}`{available}"))
}

/// The error and its causes, each in one line.
fn paragraphs(stderr: &str) -> Vec<String> {
    let Some(start) = stderr.find("error: ") else { return Vec::new() };
    let mut parts = vec![String::new()];
    for line in stderr[start + "error: ".len()..].lines() {
        let line = line.trim();
        let Some(part) = parts.last_mut() else { break };
        if line == "Caused by:" {
            parts.push(String::new());
        } else if let Some(place) = line.strip_prefix("location searched: ") {
            if part.ends_with(" found") {
                part.push_str(&format!(" in the {place}"));
            }
        } else if line.starts_with("if you are looking for the prerelease package") {
            break;
        } else if !is_noise(line) {
            let line = line.split(" as a dependency of package `").next().unwrap_or(line);
            let joint = if part.is_empty() {
                ""
            } else if part.ends_with([':', ',', '.']) {
                " "
            } else {
                "; "
            };
            *part = format!("{part}{joint}{line}");
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether the line helps nobody who writes a notebook.
fn is_noise(line: &str) -> bool {
    let says = [
        "As a reminder, you're using offline mode",
        "note: offline mode",
        "help: if this error is too confusing",
        "if a proxy or similar is necessary",
        "https://doc.rust-lang.org",
        "warning: ",
        "-->",
        "|",
    ];
    let package = line.trim_start_matches("... ").strip_prefix("required by package `");
    line.is_empty()
        || says.iter().any(|words| line.starts_with(words))
        || package.is_some_and(is_evcxrs)
        || line.contains("of package `ctx v")
        // A line of the manifest.
        || line.split_once(" |").is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

fn is_evcxrs(package: &str) -> bool {
    package.starts_with("ctx v") || package.starts_with("evcxr_dummy_validate_dep v")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMINDER: &str = "As a reminder, you're using offline mode (--offline) which can sometimes \
                            cause surprising resolution failures, if this error is too confusing you \
                            may wish to retry without `--offline`.\n";
    const TRIAL: &str = "evcxr_dummy_validate_dep v0.0.1 (/slots/0)";
    const CUT_OFF: &str = "    Updating crates.io index
warning: spurious network error (1 try remaining): [7] Could not connect to server (Failed to connect)
error: failed to get `itertools` as a dependency of package `ctx v1.0.0 (/slots/0)`

Caused by:
  download of config.json failed

Caused by:
  failed to download from `https://registry.example/config.json`

Caused by:
  [7] Could not connect to server (Failed to connect to 127.0.0.1 port 9 after 0 ms: Could not connect)
";

    #[test]
    fn a_crate_that_is_nowhere_near_is_named() {
        let missing = "     Locking 1 package\nerror: failed to download `itertools v0.14.0`\n\n\
                       Caused by:\n  attempting to make an HTTP request, but --offline was specified\n";
        assert_eq!(
            online(missing, CUT_OFF),
            "`itertools v0.14.0` is not on this machine and the registry cannot be reached: Could not \
             connect to server; connect once, it is kept afterwards"
        );
        assert!(offline(missing).starts_with("`itertools v0.14.0` is not on this machine, and"));
        let below = format!(
            "error: no matching package named `deflate64` found\nlocation searched: crates.io index\n\
             required by package `zip v9.8.1`\n    ... which satisfies dependency `zip = \"^9\"` of \
             package `ctx v1.0.0 (/slots/0)`\n{REMINDER}"
        );
        assert!(offline(&below).starts_with("`deflate64`, which `zip v9.8.1` needs, is not on"));
        let git = "error: failed to get `g` as a dependency of package `ctx v1.0.0 (/slots/0)`\n\n\
                   Caused by:\n  failed to load source for dependency `g`\n\nCaused by:\n  unable to \
                   update https://x.org/g.git\n\nCaused by:\n  can't checkout from \
                   'https://x.org/g.git': you are in the offline mode (--offline)\n";
        let cut_off = "error: failed to get `g`\n\nCaused by:\n  network failure seems to have \
                       happened\n\nCaused by:\n  failed to resolve address for x.org: Name or service \
                       not known; class=Net (12)\n";
        assert_eq!(
            online(git, cut_off),
            "the repository https://x.org/g.git is not on this machine and it cannot be reached: \
             failed to resolve address for x.org: Name or service not known; connect once, it is kept \
             afterwards"
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let name = format!(
            "    Updating crates.io index\nerror: no matching package named `itertolls` found\n\
             location searched: crates.io index\nrequired by package `{TRIAL}`\n"
        );
        assert_eq!(
            in_one_line(&name),
            "no matching package named `itertolls` found in the crates.io index"
        );
        let version = format!(
            "error: failed to select a version for the requirement `itertools = \"^99\"`\n\
             candidate versions found which didn't match: 0.15.0, 0.14.0, ...\n\
             location searched: crates.io index\nrequired by package `{TRIAL}`\n\
             if you are looking for the prerelease package it needs to be specified explicitly\n    \
             itertools = {{ version = \"0.5.0-alpha.1\" }}\n"
        );
        assert_eq!(
            in_one_line(&version),
            "failed to select a version for the requirement `itertools = \"^99\"`; candidate versions \
             found which didn't match: 0.15.0, 0.14.0, ..."
        );
        let feature = format!(
            "error: failed to select a version for `itertools`.\n    ... required by package \
             `{TRIAL}`\nversions that meet the requirements `^0.13` (locked to 0.13.0) are: 0.13.0\n\n\
             package `{TRIAL}` depends on `itertools` with feature `nope` but `itertools` does not have \
             that feature.\n available features: default, use_std\n\n\nfailed to select a version for \
             `itertools` which could resolve this conflict\n"
        );
        assert_eq!(
            in_one_line(&feature),
            "`itertools` has no feature `nope`: there are default, use_std"
        );
        let path = format!(
            "error: failed to get `x` as a dependency of package `{TRIAL}`\n\nCaused by:\n  failed to \
             load source for dependency `x`\n\nCaused by:\n  unable to update /nowhere\n\nCaused \
             by:\n  failed to read `/nowhere/Cargo.toml`\n\nCaused by:\n  No such file or directory \
             (os error 2)\n"
        );
        assert_eq!(
            in_one_line(&path),
            "failed to get `x`: unable to update /nowhere: failed to read `/nowhere/Cargo.toml`: No such \
             file or directory (os error 2)"
        );
        let toml = "error: unclosed inline table, expected `}`\n --> Cargo.toml:8:16\n  |\n8 | foo = \
                    {version\n  |               ^\n";
        assert_eq!(in_one_line(toml), "unclosed inline table, expected `}`");
    }

    #[test]
    fn what_is_no_error_of_cargos_is_left_as_it_is() {
        assert_eq!(in_one_line("killed\n"), "killed");
        assert_eq!(online("error: unclosed\n", CUT_OFF), "unclosed");
        for text in ["", "error: ", "error: \n\nCaused by:\n", "` with feature `a"] {
            let _ = (in_one_line(text), offline(text), online(text, text));
        }
    }
}
