//! For which machines a wheel was built: the last part of its name, such as `manylinux_2_34_x86_64`.

use std::fmt;
use std::process::Command;

/// What a wheel's program finds here: the system, its version, and the processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    system: System,
    /// Rust's name of it.
    processor: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    /// With the version of glibc; without one where there is another C library.
    Linux(Option<(u32, u32)>),
    MacOs((u32, u32)),
    Other,
}

/// The oldest tags, which name no glibc.
const OLD_TAGS: [(&str, (u32, u32)); 3] =
    [("manylinux1", (2, 5)), ("manylinux2010", (2, 12)), ("manylinux2014", (2, 17))];

impl Machine {
    pub(super) fn this() -> Self {
        let asked = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().ok()?;
            numbers(String::from_utf8_lossy(&output.stdout).trim().rsplit(' ').next()?, '.')
        };
        let system = match std::env::consts::OS {
            // Of the C library that programs are run with, not of the one this was compiled for.
            "linux" => System::Linux(asked("getconf", &["GNU_LIBC_VERSION"])),
            "macos" => asked("sw_vers", &["-productVersion"]).map_or(System::Other, System::MacOs),
            _ => System::Other,
        };
        Self { system, processor: std::env::consts::ARCH.to_owned() }
    }

    /// Whether a wheel of this name can run here.
    pub(super) fn runs(&self, wheel: &str) -> bool {
        let tags = wheel.strip_suffix(".whl").and_then(|name| name.rsplit('-').next());
        tags.is_some_and(|tags| tags.split('.').any(|tag| self.has(tag)))
    }

    fn has(&self, tag: &str) -> bool {
        if tag == "any" {
            return true;
        }
        let of = |processors: &[&str]| {
            let ending = |name: &&str| tag.strip_suffix(&format!("_{name}"));
            processors.iter().find_map(ending)
        };
        match self.system {
            System::Linux(glibc) => {
                let Some(kind) = of(&[&self.processor]) else { return false };
                let old = OLD_TAGS.iter().find(|(name, _)| *name == kind).map(|(_, least)| *least);
                let new = || numbers(kind.strip_prefix("manylinux_")?, '_');
                match old.or_else(new) {
                    Some(least) => glibc.is_some_and(|here| here >= least),
                    // Built here, or for the other C library.
                    None => kind == "linux" || (kind.starts_with("musllinux_") && glibc.is_none()),
                }
            }
            System::MacOs(here) => {
                let processor = if self.processor == "aarch64" { "arm64" } else { &self.processor };
                let kind = of(&[processor, "universal2"]);
                let least = kind.and_then(|kind| numbers(kind.strip_prefix("macosx_")?, '_'));
                least.is_some_and(|least| here >= least)
            }
            System::Other => false,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.system {
            System::Linux(Some((major, minor))) => write!(f, "Linux with glibc {major}.{minor}")?,
            System::Linux(None) => write!(f, "Linux without glibc")?,
            System::MacOs((major, minor)) => write!(f, "macOS {major}.{minor}")?,
            System::Other => write!(f, "{}", std::env::consts::OS)?,
        }
        write!(f, " on {}", self.processor)
    }
}

/// The first two numbers of a version; the second may be missing.
fn numbers(text: &str, between: char) -> Option<(u32, u32)> {
    let mut parts = text.split(between).map(str::parse);
    Some((parts.next()?.ok()?, parts.next().unwrap_or(Ok(0)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_for_the_machines_that_its_name_tells() {
        let machine = |system, processor: &str| Machine { system, processor: processor.to_owned() };
        let linux = machine(System::Linux(Some((2, 36))), "x86_64");
        let arm = machine(System::Linux(Some((2, 17))), "aarch64");
        let musl = machine(System::Linux(None), "x86_64");
        let mac = machine(System::MacOs((14, 5)), "aarch64");
        let old_mac = machine(System::MacOs((10, 15)), "x86_64");
        let all = [&linux, &arm, &musl, &mac, &old_mac];
        for (tags, expected) in [
            ("any", vec![&linux, &arm, &musl, &mac, &old_mac]),
            ("linux_x86_64", vec![&linux, &musl]),
            ("manylinux_2_34_x86_64", vec![&linux]),
            ("manylinux_2_37_x86_64", vec![]),
            ("manylinux_2_17_aarch64.manylinux2014_aarch64", vec![&arm]),
            ("manylinux2014_x86_64", vec![&linux]),
            ("manylinux1_x86_64", vec![&linux]),
            ("manylinux_2_5_i686.manylinux1_i686", vec![]),
            ("musllinux_1_2_x86_64", vec![&musl]),
            ("macosx_11_0_arm64", vec![&mac]),
            ("macosx_15_0_arm64", vec![]),
            ("macosx_10_12_x86_64", vec![&old_mac]),
            ("macosx_10_12_x86_64.macosx_11_0_arm64.macosx_10_12_universal2", vec![&mac, &old_mac]),
            ("win_amd64", vec![]),
            ("x", vec![]),
        ] {
            let wheel = format!("twoviews_kernel-1.0.0-py3-none-{tags}.whl");
            let runs: Vec<&Machine> = all.into_iter().filter(|it| it.runs(&wheel)).collect();
            assert_eq!(runs, expected, "{tags}");
        }
        assert!(!linux.runs("twoviews_kernel-1.0.0.tar.gz"));
    }

    #[test]
    fn this_machine_runs_what_is_built_on_it() {
        let this = Machine::this();
        let processor = std::env::consts::ARCH;
        let tag = match this.system {
            System::MacOs(_) if processor == "aarch64" => "macosx_11_0_arm64".to_owned(),
            System::MacOs(_) => format!("macosx_10_12_{processor}"),
            _ => format!("linux_{processor}"),
        };
        assert!(this.runs(&format!("twoviews_kernel-1.0.0-py3-none-{tag}.whl")), "{this}: {tag}");
        assert!(!this.runs("twoviews_kernel-1.0.0-py3-none-win_arm64.whl"));
    }

    #[test]
    fn versions_have_one_number_or_more() {
        assert_eq!(numbers("2.36", '.'), Some((2, 36)));
        assert_eq!(numbers("15", '.'), Some((15, 0)));
        assert_eq!(numbers("14.5.1", '.'), Some((14, 5)));
        assert_eq!(numbers("2_17", '_'), Some((2, 17)));
        assert_eq!(numbers("", '.'), None);
    }
}
