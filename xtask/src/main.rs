//! `cargo xtask`: set-up and chores. It never depends on libtorch, because it brings it.

mod bench;
mod builds;
mod folders;
mod gallery;
mod kernel;
mod libtorch;
mod notebooks;
mod paths;
mod python;
mod scripts;
mod slots;
mod stand_ins;
mod test;
mod tools;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  setup                     bring libtorch and Jupyter, build the kernel and the notebooks' crates
  tutorial [cifar10]        run the tutorial notebook and write it with its figures
           [--quick]          small subsets and one batch size
           [--out DIR]        where to (default: target/tutorial)
  gallery [--only LESSON]   run the lessons whose code, crate or kernel has changed, and make a site of all
          [--quick]           few images, into a site of its own
          [--stand-ins]       data and weights made from formulas for lessons that download
          [--force]           run all of them
          [--limit MINUTES]   end a lesson that takes longer
          [--check]           build and run the lessons' programs, too
          [--serve]           show the site on this machine
  lab                       open JupyterLab on the notebooks
  test [--long]             every check, the cheapest first
  bench [FILTER]            how long the library's parts take
        [--peer]              in turn with nidl, PyTorch and scikit-learn, which go to .peer
        [--stage NAME]        only stages whose names begin so

Each command does whatever set-up it still needs.";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = run(&arguments) {
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    paths::check()?;
    match arguments {
        ["setup"] => setup(),
        ["tutorial", rest @ ..] => {
            let options = notebooks::Options::parse(rest)?;
            setup()?;
            notebooks::tutorial(&options)
        }
        ["gallery", rest @ ..] => gallery::run(&gallery::Options::parse(rest)?),
        ["lab"] => {
            setup()?;
            notebooks::lab()
        }
        ["bench", rest @ ..] => bench::run(&bench::Options::parse(rest)?),
        ["test"] => test::run(false),
        ["test", "--long"] => test::run(true),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("no command\n{USAGE}"),
        other => bail!("unknown command {:?}\n{USAGE}", other.join(" ")),
    }
}

/// Everything that has to be there before a notebook can run; quick when it is.
fn setup() -> Result<()> {
    let _alone = builds::alone()?;
    tools::check()?;
    python::ensure()?;
    libtorch::ensure()?;
    kernel::ensure()
}

/// One line that says what is being done and where.
fn say(what: &str) {
    eprintln!("[xtask] {what}");
}
