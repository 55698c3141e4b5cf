//! The pages that are no lessons, as far as this program writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::digest;
use crate::execution::Execution;
use crate::prose::duration;
use crate::{figures, program};
use xtask::lessons::lesson::Lesson;

/// The first page: what this is, and each lesson with its figure and a sentence.
pub(crate) fn landing(readme: &str, lessons: &[(Lesson, Execution)]) -> Result<String> {
    // The README's first paragraph.
    let mut paragraphs = readme.split("\n\n").skip(1).map(str::trim);
    let intro = paragraphs.next().unwrap_or_default();
    let mut text =
        format!("# twoviews\n\n{intro}\n\n## Lessons\n\n::::{{grid}} 1 1 2 2\n:gutter: 3\n\n");
    for (lesson, execution) in lessons {
        let name = &lesson.name;
        let _ = writeln!(text, ":::{{grid-item-card}} {}", lesson.title());
        let _ = writeln!(text, ":link: lessons/{name}\n:link-type: doc");
        if let Some(figure) = figures::main_figure(lesson, execution)? {
            let own = figures::text_of(&figure);
            let alt =
                own.unwrap_or_else(|| format!("Main figure of the lesson {}", lesson.title()));
            let _ = writeln!(text, ":img-top: thumbnails/{name}.svg");
            let _ = writeln!(text, ":img-alt: {}", alt.replace('\n', " "));
        }
        let _ = writeln!(text, "\n{}", lesson.sentence());
        if let Some(stand_ins) = execution.stand_ins() {
            let _ = writeln!(text, "\n**Not a result:** this run had {stand_ins}.");
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
    Ok(text + "```\n")
}

/// The list of the lessons, in their order.
pub(crate) fn contents(lessons: &[(Lesson, Execution)]) -> String {
    let mut text = "# Lessons\n\n".to_owned();
    for (lesson, _) in lessons {
        let _ =
            writeln!(text, "- [{}]({}.ipynb): {}", lesson.title(), lesson.name, lesson.sentence());
    }
    text += "\nWhat the runs on these pages took:\n\n\
             | lesson | data | running time | peak memory of the cells |\n|---|---|---:|---:|\n";
    for (lesson, execution) in lessons {
        let run = &execution.run;
        let mut data = lesson.data().join(", ");
        if let Some(stand_ins) = execution.stand_ins() {
            let _ = write!(data, ", with {stand_ins} instead");
        }
        if run["quick"] == true {
            data += ", few images";
        }
        let memory = run["memory_mb"]["cells"].as_f64();
        let memory = memory.map_or_else(|| "not measured".to_owned(), |mb| format!("{mb:.0} MB"));
        let time = duration(run["seconds"].as_f64());
        let _ = writeln!(text, "| {} | {data} | {time} | {memory} |", lesson.title());
    }
    text += "\n```{toctree}\n:hidden:\n\n";
    for (lesson, _) in lessons {
        let _ = writeln!(text, "{}", lesson.name);
    }
    text + "```\n"
}

/// How to get it running, in the README's words.
pub(crate) fn install(readme: &str) -> Result<String> {
    let mut text = "# Install\n\n".to_owned();
    for heading in ["Two commands", "Settings", "Where it runs"] {
        let _ = write!(text, "## {heading}\n\n{}\n\n", section(readme, heading)?);
    }
    Ok(for_the_site(&text, README))
}

/// Of this document parts are a page.
pub(crate) const README: &str = "README.md";

/// Documents of the project that are pages of the site, too.
pub(crate) const DOCUMENTS: [(&str, &str); 4] = [
    ("benches/RESULTS.md", "results.md"),
    ("CHANGELOG.md", "changelog.md"),
    ("docs/kernel.md", "kernel.md"),
    ("docs/for_teachers.md", "teachers.md"),
];

/// The text of the file `document`, for the site: its links to what is a page there lead to the page, those to
/// other files are only their texts.
pub(crate) fn for_the_site(text: &str, document: &str) -> String {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link, target, after)) = next_link(rest) {
        out += before;
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = program::normal(&folder.join(path));
        let mut pages = DOCUMENTS.iter().chain(&[(README, "install.md")]);
        let page = pages.find(|(document, _)| Path::new(document) == path);
        match page {
            _ if target.contains("://") || target.starts_with('#') => {
                out += &format!("[{link}]({target})");
            }
            Some((_, page)) if anchor.is_empty() => out += &format!("[{link}]({page})"),
            Some((_, page)) => out += &format!("[{link}]({page}#{anchor})"),
            None => out += link,
        }
        rest = after;
    }
    out + rest
}

/// What stands before the first link of a text, the link's text and target, and what stands behind it.
fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let mut from = 0;
    loop {
        let middle = from + text[from..].find("](")?;
        let end = middle + text[middle..].find(')')?;
        // A picture stays what it is.
        match text[..middle].rfind('[').filter(|&begin| !text[..begin].ends_with('!')) {
            Some(begin) => {
                let target = &text[middle + 2..end];
                return Some((&text[..begin], &text[begin + 1..middle], target, &text[end + 1..]));
            }
            None => from = end,
        }
    }
}

/// What stands below a heading of the second level.
fn section<'a>(text: &'a str, heading: &str) -> Result<&'a str> {
    let begin = format!("\n## {heading}\n");
    let after = text.split_once(&begin).map(|(_, after)| after);
    let after = after.with_context(|| format!("README.md has no section {heading:?}"))?;
    Ok(after.split("\n## ").next().unwrap_or(after).trim())
}

/// The page that leads to the crate's documentation.
pub(crate) fn api_page(api: &Path) -> Result<String> {
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
pub(crate) fn api_names(api: &Path) -> Result<BTreeMap<String, String>> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use xtask::paths;

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
    fn links_lead_to_pages_or_are_only_their_texts() {
        let text = "a [b](../CHANGELOG.md) [`c`](../src/lib.rs), ![d](x.svg) [e](https://e.org/(f)#g) [h](kernel.md#i) j";
        let wanted =
            "a [b](changelog.md) `c`, ![d](x.svg) [e](https://e.org/(f)#g) [h](kernel.md#i) j";
        assert_eq!(for_the_site(text, "docs/kernel.md"), wanted);
        assert_eq!(for_the_site("no [link] (here)", README), "no [link] (here)");
    }

    #[test]
    fn the_first_page_has_a_card_for_each_lesson_and_warns_of_generated_data() {
        let notebook =
            json!({"cells": [{"cell_type": "markdown", "id": "m", "source": "# T\n\nOne. Two."}]});
        let lesson =
            Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook: notebook.clone() };
        let run = json!({"fake_hub": true});
        let place = tempfile::tempdir().unwrap();
        let drawing = place.path().join("x.svg");
        fs::write(&drawing, "<svg aria-label=\"What it shows.\">").unwrap();
        let execution = Execution { notebook, run, drawings: vec![drawing] };
        let text = landing("# r\n\nIntro.\n\nMore.", &[(lesson, execution)]).unwrap();
        for part in [
            "Intro.",
            ":::{grid-item-card} T",
            "\nOne.\n",
            "thumbnails/07_x.svg",
            ":img-alt: What it shows.\n",
            "Not a result",
            ":link: lessons/07_x\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_list_of_lessons_says_what_each_run_took() {
        let notebook = json!({"cells": [{"cell_type": "markdown", "id": "m", "source": "# T\n\nOne. Two."}],
                   "metadata": {"twoviews": {"data": ["Digits"]}}});
        let lesson =
            Lesson { name: "07_x".into(), path: "07_x.ipynb".into(), notebook: notebook.clone() };
        let run = json!({"seconds": 61.0, "memory_mb": {"cells": 512}, "quick": true});
        let text = contents(&[(lesson, Execution { notebook, run, drawings: Vec::new() })]);
        assert!(text.contains("- [T](07_x.ipynb): One.\n"), "{text}");
        assert!(text.contains("| T | Digits, few images | 1 min 01 s | 512 MB |"), "{text}");
        assert!(text.contains("\n07_x\n```"), "{text}");
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
}
