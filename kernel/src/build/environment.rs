//! What evcxr finds when it compiles cells.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use twoviews_constants::variable::BUILD_DIRECTORY;

use super::cargo::CargoShim;
use super::directory::BuildDirectory;
use super::std_source::{self, StdSource};

/// Where and with what cells are compiled; each part is missing where it could not be made.
pub(crate) struct BuildEnvironment {
    /// The build directory, or why there is none.
    pub directory: Result<BuildDirectory>,
    /// Hidden until the kernel's own cells have run.
    pub std_source: Option<StdSource>,
    pub cargo: Option<CargoShim>,
}

impl BuildEnvironment {
    /// With a build directory; the rest is made in `private`.
    pub(crate) fn new(directory: Result<BuildDirectory>, private: &Path) -> Self {
        // Not in the build directory: that may lie in the folder of a crate, and rust-analyzer reads
        // all that lies there.
        let std_source = StdSource::hidden(private)
            .inspect_err(|error| {
                eprintln!("rust-analyzer reads the whole standard library: {error}");
            })
            .ok();
        let cargo = CargoShim::new(&private.join("cargo"))
            .inspect_err(|error| eprintln!("cells are compiled by cargo alone: {error:#}"))
            .ok();
        Self { directory, std_source, cargo }
    }

    /// The variables by which evcxr finds all this.
    pub(crate) fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut variables: Vec<(&str, OsString)> = Vec::new();
        if let Ok(directory) = &self.directory {
            variables.push((BUILD_DIRECTORY, directory.folder.clone().into()));
        }
        if let Some(std_source) = &self.std_source {
            variables.push((std_source::VARIABLE, std_source.link.clone().into()));
        }
        variables.extend(self.cargo.iter().flat_map(CargoShim::variables));
        variables
    }

    /// The folder in which cells are compiled.
    pub(crate) fn folder(&self) -> PathBuf {
        match &self.directory {
            Ok(directory) => directory.folder.clone(),
            Err(_) => PathBuf::from("."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_lies_outside_of_the_build_directory() {
        let private = tempfile::tempdir().unwrap();
        let build = BuildEnvironment::new(Err(anyhow::anyhow!("none")), private.path());
        assert!(build.std_source.unwrap().link.starts_with(private.path()));
    }
}
