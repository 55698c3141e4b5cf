//! The site: sources for Sphinx, the crate's documentation, and putting the new site in the old one's place.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::digest;
use super::execution::{self, Execution, Setting};
use super::lesson::Lesson;
use super::{page, program};
use crate::python::Environment;
use crate::{folders, paths, say, tools};

/// Where the gallery's files lie.
pub(crate) struct Folders {
    base: PathBuf,
}

impl Folders {
    /// Short runs have a folder of their own, so that they replace no results.
    pub(crate) fn new(quick: bool) -> Self {
        Self {
            base: paths::root().join(if quick { "target/gallery-quick" } else { "target/gallery" }),
        }
    }

    pub(crate) fn executed(&self, lesson: &Lesson) -> PathBuf {
        self.base.join("executed").join(&lesson.name)
    }

    pub(crate) fn failed(&self, lesson: &Lesson) -> PathBuf {
        self.base.join("failed").join(&lesson.name)
    }

    pub(crate) fn programs(&self) -> PathBuf {
        self.base.join("programs")
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.base.join("site")
    }

    fn source(&self) -> PathBuf {
        self.base.join("source")
    }
}

/// Builds the site from the executed lessons, unless nothing has changed.
pub(crate) fn build(folders: &Folders, lessons: &[(Lesson, Execution)], force: bool) -> Result<()> {
    let root = paths::root();
    execution::restore(&folders.site())?;
    let mut digest = digest::of_crate(&root)?;
    for name in [
        "site",
        "benches/RESULTS.md",
        "CHANGELOG.md",
        "README.md",
        "docs/kernel.md",
        "rustfmt.toml",
    ] {
        digest.files(&root, name)?;
    }
    for (lesson, execution) in lessons {
        for part in [&lesson.notebook, &execution.notebook, &execution.run] {
            digest.text(&lesson.name, part.to_string());
        }
    }
    // What makes the pages is compiled into this program.
    digest.text("program", fs::read(std::env::current_exe()?)?);
    let (digest, stamp) = (digest.hex(), folders.site().join(".made-from"));
    if !force && fs::read_to_string(&stamp).is_ok_and(|before| before == digest) {
        say("the site is up to date");
        return Ok(());
    }
    let environment = environment()?;
    let api = api(&folders.base)?;
    write_sources(folders, lessons, &api)?;
    say("building the pages");
    let html = folders.base.join("html");
    let mut sphinx = Command::new(environment.python());
    sphinx
        .args(["-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-c"])
        .arg(root.join("site"));
    sphinx.arg("-d").arg(folders.base.join("doctrees")).arg(folders.source()).arg(&html);
    sphinx.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    tools::run(&mut sphinx)?;
    let part = folders.site().with_extension("part");
    folders::remove(&part)?;
    copy(&html, &part)?;
    copy(&api, &part.join("api"))?;
    // Pages would hide folders that begin with `_`.
    fs::write(part.join(".nojekyll"), "")?;
    fs::write(part.join(".made-from"), digest)?;
    execution::replace(&part, &folders.site())
}

/// `.site-venv`: Sphinx and what it needs, apart from Jupyter's packages.
fn environment() -> Result<Environment> {
    let environment = Environment::new(paths::root().join(".site-venv"));
    let lock = paths::root().join("site/requirements.txt");
    let wanted =
        fs::read_to_string(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let install = ["--require-hashes".as_ref(), "-r".as_ref(), lock.as_os_str()];
    environment.ensure(&wanted, &install, "installing Sphinx into .site-venv (about a minute)")?;
    Ok(environment)
}

/// The Python that makes the site.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(environment()?.python())
}

/// The crate's documentation, made when the crate has changed. Says where it lies.
fn api(base: &Path) -> Result<PathBuf> {
    let (folder, stamp) = (base.join("api"), base.join("api-made-from"));
    let digest = digest::of_crate(&paths::root())?.hex();
    if folder.is_dir() && fs::read_to_string(&stamp).is_ok_and(|before| before == digest) {
        return Ok(folder);
    }
    say("writing the crate's documentation");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).args(["doc", "--quiet", "--no-deps", "--package", "twoviews"]);
    tools::run(&mut cargo)?;
    let metadata = Command::new("cargo")
        .current_dir(paths::root())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let target = metadata["target_directory"].as_str().context("cargo names no build folder")?;
    folders::remove(&folder)?;
    copy(&Path::new(target).join("doc"), &folder)?;
    folders::write(&stamp, digest.as_bytes())?;
    Ok(folder)
}

/// Writes what Sphinx reads. Files that are as they were keep their times, so that only changed pages
/// are made again.
fn write_sources(folders: &Folders, lessons: &[(Lesson, Execution)], api: &Path) -> Result<()> {
    let root = paths::root();
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let home = std::env::var("HOME").unwrap_or_default();
    let machine = [(root.display().to_string(), "twoviews"), (home, "~")];
    for (lesson, execution) in lessons {
        let name = &lesson.name;
        let program = program::convert(lesson)?;
        files
            .insert(format!("downloads/{name}/{name}.rs"), formatted(&program.source).into_bytes());
        files.insert(
            format!("downloads/{name}/Cargo.toml"),
            program.manifest_in_checkout().into_bytes(),
        );
        let notebook = page::without_paths(page::merged(lesson, execution), &machine);
        files.insert(format!("downloads/{name}.ipynb"), serde_json::to_vec_pretty(&notebook)?);
        let notebook = page::page(lesson, execution, notebook, true);
        files.insert(format!("lessons/{name}.ipynb"), serde_json::to_vec_pretty(&notebook)?);
        if let Some(figure) = &execution.figure {
            files.insert(format!("thumbnails/{name}.svg"), fs::read(figure)?);
        }
    }
    for path in digest::files(&root.join("site/pages"))? {
        let name = path.file_name().and_then(|name| name.to_str()).context("a page's name")?;
        files.insert(name.to_owned(), fs::read(&path)?);
    }
    let names = api_names(api)?;
    files.insert("downloads/api-names.json".into(), serde_json::to_vec(&names)?);
    let readme = read("README.md")?;
    let texts = [
        ("index.md", landing(&readme, lessons)),
        ("lessons/index.md", contents(lessons)),
        ("install.md", install(&readme)?),
        ("results.md", read("benches/RESULTS.md")?),
        ("changelog.md", read("CHANGELOG.md")?),
        ("kernel.md", read("docs/kernel.md")?),
        ("api.md", api_page(api)?),
    ];
    files.extend(texts.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    let source = folders.source();
    let wanted: HashSet<PathBuf> = files.keys().map(|name| source.join(name)).collect();
    for path in digest::files(&source)? {
        if !wanted.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    for (name, content) in files {
        let path = source.join(name);
        if fs::read(&path).is_ok_and(|before| before == content) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        folders::write(&path, &content)?;
    }
    Ok(())
}

/// The first page: what this is, and each lesson with its figure and a sentence.
fn landing(readme: &str, lessons: &[(Lesson, Execution)]) -> String {
    // The README's first paragraph.
    let mut paragraphs = readme.split("\n\n").skip(1).map(str::trim);
    let intro = paragraphs.next().unwrap_or_default();
    let mut text =
        format!("# twoviews\n\n{intro}\n\n## Lessons\n\n::::{{grid}} 1 1 2 2\n:gutter: 3\n\n");
    for (lesson, execution) in lessons {
        let name = &lesson.name;
        let _ = writeln!(text, ":::{{grid-item-card}} {}", lesson.title());
        let _ = writeln!(text, ":link: lessons/{name}\n:link-type: doc");
        if execution.figure.is_some() {
            let _ = writeln!(text, ":img-top: thumbnails/{name}.svg");
            let _ = writeln!(text, ":img-alt: Main figure of the lesson {}", lesson.title());
        }
        let _ = writeln!(text, "\n{}", lesson.sentence());
        if execution.run["stand_ins"] == true {
            text += "\n**Not a result:** this run had stand-in data and weights.\n";
        } else if execution.run["quick"] == true {
            text += "\n**Not a result:** a short run on few images.\n";
        }
        text += ":::\n\n";
    }
    text += "::::\n\n```{toctree}\n:hidden:\n\n";
    for (title, name) in [
        ("Lessons", "lessons/index"),
        ("Install", "install"),
        ("For teachers", "teachers"),
        ("Results", "results"),
        ("Promises", "promises"),
        ("Kernel", "kernel"),
        ("API", "api"),
        ("Changelog", "changelog"),
    ] {
        let _ = writeln!(text, "{title} <{name}>");
    }
    text + "```\n"
}

/// The list of the lessons, in their order.
fn contents(lessons: &[(Lesson, Execution)]) -> String {
    let mut text = "# Lessons\n\n".to_owned();
    for (lesson, _) in lessons {
        let _ =
            writeln!(text, "- [{}]({}.ipynb): {}", lesson.title(), lesson.name, lesson.sentence());
    }
    text += "\n```{toctree}\n:hidden:\n\n";
    for (lesson, _) in lessons {
        let _ = writeln!(text, "{}", lesson.name);
    }
    text + "```\n"
}

/// How to get it running, in the README's words.
fn install(readme: &str) -> Result<String> {
    let mut text = "# Install\n\n".to_owned();
    for heading in ["Two commands", "Settings", "Where it runs"] {
        let _ = write!(text, "## {heading}\n\n{}\n\n", section(readme, heading)?);
    }
    Ok(text)
}

/// What stands below a heading of the second level.
fn section<'a>(text: &'a str, heading: &str) -> Result<&'a str> {
    let begin = format!("\n## {heading}\n");
    let after = text.split_once(&begin).map(|(_, after)| after);
    let after = after.with_context(|| format!("README.md has no section {heading:?}"))?;
    Ok(after.split("\n## ").next().unwrap_or(after).trim())
}

/// The page that leads to the crate's documentation.
fn api_page(api: &Path) -> Result<String> {
    let mut modules = Vec::new();
    for entry in
        fs::read_dir(api.join("twoviews")).context("the crate's documentation is missing")?
    {
        let path = entry?.path();
        if path.join("index.html").is_file() {
            modules.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    modules.sort();
    let mut text = "# API\n\nThe crate's documentation, as `cargo doc` writes it: each function with its formula, \
                    shapes, ranges, errors and source. In the lessons' code its names lead there, too.\n\n\
                    <p><a href=\"api/twoviews/index.html\">The crate <code>twoviews</code></a></p>\n\n<ul>\n"
        .to_owned();
    for name in modules {
        let _ = writeln!(
            text,
            "<li><a href=\"api/twoviews/{name}/index.html\"><code>{name}</code></a></li>"
        );
    }
    Ok(text + "</ul>\n")
}

/// The page of each name: of several the one that is nearest to the crate's root. Pages that only lead
/// on to another stand where a name is re-exported from a private module.
fn api_names(api: &Path) -> Result<BTreeMap<String, String>> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for path in digest::files(&api.join("twoviews"))? {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let parts: Vec<&str> = file.split('.').collect();
        if let [kind, name, "html"] = parts.as_slice()
            && ["struct", "enum", "fn", "trait", "type", "constant"].contains(kind)
            && !fs::read_to_string(&path)?.contains("http-equiv=\"refresh\"")
        {
            let page = path.strip_prefix(api.parent().unwrap_or(api))?.display().to_string();
            let depth = |page: &str| page.matches('/').count();
            let known = names.entry((*name).to_owned()).or_insert_with(|| page.clone());
            if depth(&page) < depth(known) {
                *known = page;
            }
        }
    }
    Ok(names)
}

/// The program as rustfmt writes it; without rustfmt as it is.
fn formatted(source: &str) -> String {
    use std::io::Write;
    use std::process::Stdio;
    let run = || {
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.current_dir(paths::root()).args(["--edition", "2024", "--quiet"]);
        let mut child = rustfmt.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        child.stdin.take()?.write_all(source.as_bytes()).ok()?;
        let output = child.wait_with_output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).ok())?
    };
    run().unwrap_or_else(|| source.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let (path, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}

/// Builds each lesson's program and runs it in its quick setting.
pub(crate) fn check_programs(
    folders: &Folders,
    lessons: &[Lesson],
    setting: &Setting,
) -> Result<()> {
    let root = paths::root();
    for lesson in lessons {
        let program = program::convert(lesson)?;
        let folder = folders.programs().join(&lesson.name);
        fs::create_dir_all(&folder)?;
        let below = |path: &str| root.join("notebooks").join(path).display().to_string();
        // With the project's profiles, what is compiled already need not be compiled again.
        let manifest =
            program.manifest(below) + &profiles(&fs::read_to_string(root.join("Cargo.toml"))?);
        folders::write(&folder.join("Cargo.toml"), manifest.as_bytes())?;
        folders::write(&folder.join(&program.file), formatted(&program.source).as_bytes())?;
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        say(&format!("the program of {}", lesson.name));
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&folder)
            .args(["run", "--quiet", "--target-dir"])
            .arg(root.join("target"));
        cargo.env("TWOVIEWS_QUICK", "1").env("LD_LIBRARY_PATH", root.join(".libtorch/lib"));
        let (_server, sources) = super::sources(lesson, setting)?;
        cargo.envs(sources);
        tools::forget_package(&mut cargo);
        tools::run(&mut cargo).with_context(|| format!("the program of {}", lesson.name))?;
        let shown = fs::read_dir(&folder)?.flatten().filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "svg" || extension == "png")
        });
        ensure!(shown.count() > 0, "the program of {} has saved no figure", lesson.name);
    }
    Ok(())
}

/// The profiles of a manifest.
fn profiles(manifest: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[profile");
        }
        if inside {
            text += line;
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pages_find_their_sections() {
        let readme = fs::read_to_string(paths::root().join("README.md")).unwrap();
        let text = install(&readme).unwrap();
        assert!(
            text.contains("cargo xtask tutorial") && !text.contains("## The lessons"),
            "{text}"
        );
        assert!(section("# a\n\n## b\nc\n## d\n", "x").unwrap_err().to_string().contains("\"x\""));
        assert_eq!(section("# a\n\n## b\nc\n\n## d\n", "b").unwrap(), "c");
    }

    #[test]
    fn the_first_page_has_a_card_for_each_lesson_and_stamps_stand_ins() {
        let notebook =
            json!({"cells": [{"cell_type": "markdown", "id": "m", "source": "# T\n\nOne. Two."}]});
        let lesson =
            Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook: notebook.clone() };
        let run = json!({"stand_ins": true});
        let execution = Execution { notebook, run, figure: Some("x.svg".into()) };
        let text = landing("# r\n\nIntro.\n\nMore.", &[(lesson, execution)]);
        for part in [
            "Intro.",
            ":::{grid-item-card} T",
            "\nOne.\n",
            "thumbnails/07_x.svg",
            "Not a result",
            ":link: lessons/07_x\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn names_lead_to_the_page_nearest_to_the_root() {
        let place = tempfile::tempdir().unwrap();
        let api = place.path().join("api");
        fs::create_dir_all(api.join("twoviews/a")).unwrap();
        let redirect = "<meta http-equiv=\"refresh\">";
        for (name, content) in [
            ("a/struct.One.html", ""),
            ("struct.One.html", redirect),
            ("a/fn.two.html", ""),
            ("fn.two.html", ""),
            ("a/index.html", ""),
        ] {
            fs::write(api.join("twoviews").join(name), content).unwrap();
        }
        let wanted =
            [("One", "api/twoviews/a/struct.One.html"), ("two", "api/twoviews/fn.two.html")];
        let wanted = wanted.map(|(name, page)| (name.to_owned(), page.to_owned()));
        assert_eq!(api_names(&api).unwrap(), BTreeMap::from(wanted));
        assert!(api_page(&api).unwrap().contains("api/twoviews/a/index.html"));
    }

    #[test]
    fn profiles_are_taken_from_a_manifest() {
        let manifest = "[a]\nx = 1\n[profile.dev]\ny = 2\n[b]\nz = 3\n[profile.release]\n";
        assert_eq!(profiles(manifest), "[profile.dev]\ny = 2\n[profile.release]\n");
    }
}
