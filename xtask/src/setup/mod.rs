//! Everything that has to be there before a notebook can run.

mod build_directories;
mod builds;
mod compile;
mod kernel;
pub mod library;
mod libtorch;
mod notebook_crates;
mod platform;
mod progress;
pub mod python;
mod scripts;
mod standard_library;
pub(crate) mod wheel;

use std::path::PathBuf;
use std::thread;

use anyhow::{Result, anyhow};

use self::kernel::Origin;
pub(crate) use self::kernel::{DISPLAY_NAME as KERNEL_DISPLAY_NAME, NAME as KERNEL_NAME, one_heap};
pub(crate) use self::notebook_crates::profile as notebook_profile;
use self::progress::{Part, Progress};
use crate::say::say;
use crate::{paths, tools};

/// Seconds of one core that the parts take.
const KERNEL: f64 = 470.0;
const WHEEL: f64 = 3.0;
const PYTHON: f64 = 15.0;
const LIBTORCH: f64 = 20.0;
const NOTEBOOKS: f64 = 250.0;

/// Does what is still needed of the set-up; quick when everything is there.
pub fn run() -> Result<()> {
    set_up(notebook_crates::Missing::try_out)
}

/// As [`run`], before a lesson is run at once: that one tries out what was compiled.
pub fn run_before_lesson() -> Result<()> {
    set_up(notebook_crates::Missing::record)
}

fn set_up(end: impl FnOnce(&notebook_crates::Missing) -> Result<()>) -> Result<()> {
    let _lock = builds::exclusive()?;
    // First what may ask the user for something, then what takes minutes.
    tools::check()?;
    let origin = kernel::origin()?;
    let packages = Packages::prepare()?;
    let crates = notebook_crates::prepare()?;
    let progress = Progress::new();
    let program = progress.shown(|| compiled(&origin, &packages, crates.as_ref(), &progress))?;
    kernel::register(&program)?;
    crates.as_ref().map_or(Ok(()), end)
}

/// Compiles the kernel, and beside it brings what it needs and compiles what it will load. Says where the kernel is.
fn compiled(
    origin: &Origin,
    packages: &Packages,
    crates: Option<&notebook_crates::Missing>,
    progress: &Progress,
) -> Result<PathBuf> {
    let kernel = match origin {
        Origin::Build { .. } => progress.part("the kernel", KERNEL),
        Origin::Wheel(_) => progress.part("the kernel", WHEEL),
    };
    let python = packages.python.as_ref().map(|_| progress.part("JupyterLab", PYTHON));
    let libtorch = packages.libtorch.map(|_| progress.part("libtorch", LIBTORCH));
    let notebooks =
        crates.map(|crates| (crates, progress.part("the notebooks' crates", NOTEBOOKS)));
    let install_python = || {
        packages.install_python()?;
        python.inspect(Part::finish);
        Ok(())
    };
    let compile_crates = || {
        packages.bring_libtorch()?;
        libtorch.inspect(Part::finish);
        standard_library::ensure()?;
        notebooks.map_or(Ok(()), |(crates, part)| crates.compile(part))
    };
    let others = || match packages.libtorch {
        // It goes into the same environment.
        Some(libtorch::Missing::Full) => install_python().and_then(|()| compile_crates()),
        _ => thread::scope(|scope| {
            let python = scope.spawn(install_python);
            let crates = compile_crates();
            python.join().map_err(|_| anyhow!("installing JupyterLab"))?.and(crates)
        }),
    };
    match origin {
        Origin::Build { compiler } => thread::scope(|scope| {
            let kernel = scope.spawn(move || kernel::build(compiler, kernel));
            let others = others().inspect_err(|error| {
                say(&format!("{error:#}; the kernel is compiled to its end, for the next set-up"));
            });
            let program = kernel.join().map_err(|_| anyhow!("compiling the kernel"))?;
            others.and(program)
        }),
        Origin::Wheel(wheel) => {
            others()?;
            wheel::program(wheel)
        }
    }
}

/// What is downloaded.
struct Packages {
    python: Option<python::Missing>,
    libtorch: Option<libtorch::Missing>,
}

impl Packages {
    fn prepare() -> Result<Self> {
        Ok(Self { python: python::prepare()?, libtorch: libtorch::prepare()? })
    }

    fn install_python(&self) -> Result<()> {
        self.python.as_ref().map_or(Ok(()), python::Missing::install)
    }

    fn bring_libtorch(&self) -> Result<()> {
        self.libtorch.map_or(Ok(()), libtorch::Missing::bring)
    }
}

/// What runs Python alone needs.
pub fn run_without_libtorch() -> Result<()> {
    let _lock = builds::exclusive()?;
    python::prepare()?.map_or(Ok(()), |missing| missing.install())
}

/// What an installation for many users is made of, and the kernel's program.
pub(crate) fn run_for_image() -> Result<PathBuf> {
    let _lock = builds::exclusive()?;
    tools::check()?;
    let (origin, packages) = (kernel::origin()?, Packages::prepare()?);
    let progress = Progress::new();
    progress.shown(|| compiled(&origin, &packages, None, &progress))
}

/// What programs without a notebook need: libtorch, and the Python that brings it.
pub fn run_without_kernel() -> Result<()> {
    let _lock = builds::exclusive()?;
    tools::check()?;
    let packages = Packages::prepare()?;
    packages.install_python()?;
    packages.bring_libtorch()
}

/// The variables of the notebooks' kernel.
pub(crate) fn kernel_variables() -> [(&'static str, String); 7] {
    kernel::variables(&paths::root())
}
