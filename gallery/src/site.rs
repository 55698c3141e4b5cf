//! The site: sources for Sphinx, the crate's documentation, and putting the new site in the old one's place.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::digest::{self, Digest};
use crate::execution::Execution;
use crate::experiments::Experiments;
use crate::{figures, page, program, texts};
use xtask::lessons::lesson::Lesson;
use xtask::say::say;
use xtask::setup::python::Environment;
use xtask::{folders, paths, tools};

/// The file in a site that says what it was made from.
const STAMP: &str = ".made-from";

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

    /// Waits until no other gallery is made here, and keeps others waiting while the value lives.
    pub(crate) fn alone(&self) -> Result<File> {
        folders::lock(&self.base.join("lock"), "another gallery is being made in this folder")
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
    folders::restore(&folders.site())?;
    let library = digest::of_library(&root)?;
    let mut digest = library.clone();
    // Not all of `site`: the browser's packages in `site/check` make no page.
    for name in [
        "site/_static",
        "site/conf.py",
        "site/pages",
        "site/requirements.txt",
        "gallery/src",
        "xtask/src/lessons",
        texts::README,
        "rustfmt.toml",
        "web/Cargo.toml",
        "web/src",
        "web/experiments",
    ]
    .into_iter()
    .chain(texts::DOCUMENTS.map(|(document, _)| document))
    {
        digest.files(&root, name)?;
    }
    for (lesson, execution) in lessons {
        for part in [&lesson.notebook, &execution.notebook, &execution.run] {
            digest.text(&lesson.name, part.to_string());
        }
    }
    digest.text("webassembly", tools::has_webassembly()?.to_string());
    let (digest, stamp) = (digest.hex(), folders.site().join(STAMP));
    if !force && fs::read_to_string(&stamp).is_ok_and(|before| before == digest) {
        say("the site is up to date");
        return Ok(());
    }
    let environment = environment()?;
    let api = api(&folders.base, &library.hex())?;
    let experiments = Experiments::build()?;
    write_sources(folders, lessons, &experiments, &api)?;
    say("building the pages");
    let html = folders.base.join("html");
    let mut sphinx = Command::new(environment.python());
    sphinx.args(["-m", "sphinx", "-b", "html", "-W", "--keep-going", "-c"]).arg(root.join("site"));
    sphinx.arg("-d").arg(folders.base.join("doctrees")).arg(folders.source()).arg(&html);
    // Sphinx itself sees neither that its settings have changed what they do nor that names have new pages.
    let mut settings = Digest::default();
    for (place, name) in [
        (root.as_path(), "site/conf.py"),
        (&root, "site/requirements.txt"),
        (&folders.source(), "downloads/api-names.json"),
    ] {
        settings.files(place, name)?;
    }
    let (settings, made_with) = (settings.hex(), folders.base.join("pages-made-with"));
    if fs::read_to_string(&made_with).is_ok_and(|before| before == settings) {
        sphinx.arg("-q");
    } else {
        folders::remove(&made_with)?;
        sphinx.args(["-q", "-E", "-a"]);
    }
    sphinx.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    tools::run(&mut sphinx)?;
    folders::atomic_write(&made_with, settings.as_bytes())?;
    let files_of = |lesson: &Lesson| folders.executed(lesson).join("files");
    experiments.write(lessons, files_of, &html)?;
    put(&html, &api, &digest, &folders.site())
}

/// Puts the pages and the crate's documentation in the old site's place.
fn put(html: &Path, api: &Path, digest: &str, site: &Path) -> Result<()> {
    let part = site.with_extension("part");
    folders::remove(&part)?;
    let write = || -> Result<()> {
        copy(html, &part)?;
        remove_unused_images(&part)?;
        copy(api, &part.join("api"))?;
        // Pages would hide folders that begin with `_`.
        fs::write(part.join(".nojekyll"), "")?;
        Ok(fs::write(part.join(STAMP), digest)?)
    };
    if let Err(error) = write() {
        // The disk may be full of it.
        let _ = folders::remove(&part);
        return Err(error.context("the site stays as it was"));
    }
    folders::replace(&part, site)
}

/// Removes the pictures of former runs, which Sphinx leaves where it has put them.
fn remove_unused_images(site: &Path) -> Result<()> {
    let mut pages = String::new();
    for path in digest::files(site)? {
        if path.extension().is_some_and(|extension| extension == "html") {
            pages += &fs::read_to_string(&path)?;
        }
    }
    for path in digest::files(&site.join("_images"))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !pages.contains(&format!("_images/{name}")) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// `.site-venv`: Sphinx and what it needs, apart from Jupyter's packages.
fn environment() -> Result<Environment> {
    let environment = Environment::new(paths::root().join(".site-venv"));
    environment.ensure_pinned(
        &paths::root().join("site/requirements.txt"),
        "installing Sphinx into .site-venv (about a minute)",
    )?;
    Ok(environment)
}

/// The Python that makes the site.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(environment()?.python())
}

/// The crate's documentation, made when the crate's `digest` has changed. Says where it lies.
fn api(base: &Path, digest: &str) -> Result<PathBuf> {
    let (folder, stamp) = (base.join("api"), base.join("api-made-from"));
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
    folders::atomic_write(&stamp, digest.as_bytes())?;
    Ok(folder)
}

/// Writes what Sphinx reads. Files that are as they were keep their times, so that only changed pages
/// are made again.
fn write_sources(
    folders: &Folders,
    lessons: &[(Lesson, Execution)],
    experiments: &Experiments,
    api: &Path,
) -> Result<()> {
    let root = paths::root();
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let home = std::env::var("HOME").unwrap_or_default();
    let machine = [(root.display().to_string(), "twoviews"), (home, "~")];
    for (lesson, execution) in lessons {
        let name = &lesson.name;
        let notebook = page::without_paths(page::merged(lesson, execution)?, &machine);
        // What was executed, should the lesson have changed since.
        let program = program::convert(&Lesson { notebook: notebook.clone(), ..lesson.clone() })?;
        files
            .insert(format!("downloads/{name}/{name}.rs"), formatted(&program.source).into_bytes());
        files.insert(
            format!("downloads/{name}/Cargo.toml"),
            program.manifest_in_checkout().into_bytes(),
        );
        files.insert(format!("downloads/{name}.ipynb"), serde_json::to_vec_pretty(&notebook)?);
        let mut notebook = page::page(lesson, execution, notebook);
        experiments.place(lesson, &mut notebook)?;
        files.insert(format!("lessons/{name}.ipynb"), serde_json::to_vec_pretty(&notebook)?);
        if let Some(figure) = figures::main_figure(lesson, execution)? {
            files.insert(format!("thumbnails/{name}.svg"), figure.into_bytes());
        }
    }
    for path in digest::files(&root.join("site/pages"))? {
        let name = path.file_name().and_then(|name| name.to_str()).context("a page's name")?;
        files.insert(name.to_owned(), fs::read(&path)?);
    }
    let names = texts::api_names(api)?;
    files.insert("downloads/api-names.json".into(), serde_json::to_vec(&names)?);
    let readme = read(texts::README)?;
    let texts = [
        ("index.md", texts::landing(&readme, lessons)?),
        ("lessons/index.md", texts::contents(lessons)),
        ("install.md", texts::install(&readme)?),
        ("api.md", texts::api_page(api)?),
    ];
    files.extend(texts.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    for (document, page) in texts::DOCUMENTS {
        let text = texts::for_the_site(&read(document)?, document);
        files.insert(page.to_owned(), text.into_bytes());
    }
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
        folders::atomic_write(&path, &content)?;
    }
    Ok(())
}

/// The program as rustfmt writes it; without rustfmt as it is.
pub(crate) fn formatted(source: &str) -> String {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_site_that_cannot_be_written_whole_leaves_the_one_before() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["html/lessons", "api"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let make = |text: &str| {
            fs::write(at("html/index.html"), text).unwrap();
            put(&at("html"), &at("api"), text, &at("site"))
        };
        let read = |name: &str| fs::read_to_string(at("site").join(name)).unwrap();
        make("old").unwrap();
        // A page that cannot be copied, after others that can.
        symlink("/nowhere", at("html/lessons/page.html")).unwrap();
        let message = format!("{:#}", make("new").unwrap_err());
        assert!(message.contains("stays as it was") && message.contains("page.html"), "{message}");
        assert_eq!((read("index.html"), read(STAMP)), ("old".to_owned(), "old".to_owned()));
        assert!(!at("site.part").exists());
        fs::remove_file(at("html/lessons/page.html")).unwrap();
        make("new").unwrap();
        assert_eq!((read("index.html"), read(STAMP)), ("new".to_owned(), "new".to_owned()));
        assert!(at("site/api").is_dir());
        // Pictures that no page shows any more.
        fs::create_dir(at("html/_images")).unwrap();
        for name in ["a.png", "b.png"] {
            fs::write(at("html/_images").join(name), "").unwrap();
        }
        make("<img src=\"_images/b.png\">").unwrap();
        assert!(!at("site/_images/a.png").exists() && at("site/_images/b.png").exists());
    }
}
