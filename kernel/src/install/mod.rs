//! The kernel without Jupyter: registering it, looking at what it needs, taking it away.
//!
//! [`arguments`] reads the command line, [`places`] knows where Jupyter looks, [`kernelspec`] is what is written
//! there, [`crates`] what is compiled beforehand, [`papermill`] what lets that program set a notebook's parameters, [`doctor`]
//! the look at the machine.

mod arguments;
mod crates;
mod doctor;
mod kernelspec;
mod papermill;
mod places;

use std::process::ExitCode;

use anyhow::{Context, Result};
use twoviews_constants::variable::PREWARM;

pub(crate) use self::arguments::{Command, parse};
use self::arguments::{Install, Uninstall};
use self::kernelspec::{Kernelspec, Owner};
use crate::build::cache::Cache;

/// How the program is used.
pub(crate) const USAGE: &str = "\
A Jupyter kernel for Rust

twoviews-kernel install [--user | --sys-prefix | --prefix DIR] [--name NAME] [--display-name TEXT]
                        [--env NAME=VALUE]... [--crates FILE]
    registers this program with Jupyter
      --user          for this user (the default)
      --sys-prefix    in the Python environment that is active, or that this program lies in
      --prefix DIR    in the environment in DIR
      --name NAME     the kernel's name in notebooks (default: twoviews)
      --display-name TEXT
                      its name in menus (default: Rust)
      --env NAME=VALUE
                      a variable that the kernel and its cells see
      --crates FILE   crates that every notebook can use at once: a Cargo.toml, or lines like its
                      [dependencies]; they are compiled now
twoviews-kernel uninstall [--user | --sys-prefix | --prefix DIR] [--name NAME]
    removes what install has written, and with the last kernel everything that was compiled for it
twoviews-kernel doctor
    looks at the machine, and says what to do where something is missing
twoviews-kernel --version
twoviews-kernel --control_file FILE
    serves a notebook (Jupyter starts it like this)
";

/// Does what `command` says.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(connection) => crate::server::run(&connection)?,
        Command::Install(options) => install(options)?,
        Command::Uninstall(options) => uninstall(&options)?,
        Command::Doctor => {
            if !doctor::run() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Version => println!("twoviews-kernel {}", env!("CARGO_PKG_VERSION")),
        Command::Help => print!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn install(options: Install) -> Result<()> {
    let folder = options.place.kernels()?.join(&options.name);
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let mut environment = options.environment;
    if let Some(list) = &options.crates {
        environment.insert(PREWARM.to_owned(), crates::read(list)?);
    }
    let spec = Kernelspec { display_name: options.display_name, program, environment };
    if kernelspec::owner(&folder)? == Owner::Other {
        anyhow::bail!(
            "{} holds another kernel, which is left as it is: choose another --name, or remove it with \
             `jupyter kernelspec remove {}`",
            folder.display(),
            options.name
        );
    }
    if options.crates.is_some() {
        // Before the kernel is registered: a list that does not compile leaves nothing behind.
        crate::server::compile_crates(&spec.environment)?;
    }
    spec.write(&folder)?;
    println!("{} is registered in {}", spec.display_name, folder.display());
    if let Some(environment) = options.place.environment()?
        && let Err(error) = papermill::install(&environment)
    {
        eprintln!("{error:#}");
    }
    doctor::warn();
    Ok(())
}

fn uninstall(options: &Uninstall) -> Result<()> {
    let folder = options.place.kernels()?.join(&options.name);
    match kernelspec::owner(&folder)? {
        Owner::This => {}
        Owner::Other => anyhow::bail!(
            "{} holds another kernel, which is left as it is (`jupyter kernelspec remove {}` removes it)",
            folder.display(),
            options.name
        ),
        Owner::Nobody => anyhow::bail!(
            "there is no kernel in {}: `jupyter kernelspec list` shows where there are any",
            folder.display()
        ),
    }
    let own = kernelspec::build_directory(&folder);
    let made = kernelspec::made(&folder);
    std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    println!("{} is removed", folder.display());
    if let Some(environment) = options.place.environment()?
        && !folder.parent().is_some_and(kernelspec::any_of_this_in)
    {
        papermill::uninstall(&environment)?;
    }
    kernelspec::remove_made(&folder, made.as_deref());
    crate::server::remove_abandoned();
    // Another directory than the account's belongs to whoever has named it.
    if own.is_none() && !places::known().iter().any(|kernels| kernelspec::any_in(kernels)) {
        let cache = Cache::of_account()?;
        if cache.folder.exists() && cache.remove()? {
            println!("{} is removed", cache.folder.display());
        } else if cache.folder.exists() {
            println!("a kernel still runs in {}: remove that folder later", cache.folder.display());
        }
    }
    Ok(())
}
