//! `cargo xtask`: set-up and chores.

use anyhow::{Context, Result, bail};
use xtask::{bench, classroom, course, image, lessons, paths, setup, stock, test, tools, wheel};

const USAGE: &str = "usage: cargo xtask COMMAND

  setup                     bring libtorch and Jupyter, build the kernel and the notebooks' crates
  tutorial [LESSON]         run a lesson (default: the first) and write it with its figures
           [--quick]          small subsets and one batch size
           [--out DIR]        where to (default: target/tutorial)
  gallery [--only LESSON]   run the lessons whose code, crate or kernel has changed, and make a site of all
          [--quick]           few images, into a site of its own
          [--fake-hub]        data and weights made from formulas for lessons that download
          [--force]           run all of them
          [--limit MINUTES]   end a lesson that takes longer
          [--check]           build and run the lessons' programs, too
          [--look]            open each page in Chromium and Firefox, where they are here
          [--solutions]       run the lessons' copies with solutions, too
          [--serve]           show the site on this machine
  lab                       open JupyterLab on the notebooks
  exercises                 write the lessons from notebooks/solutions
            [--course DIR]    a folder for nbgrader instead
  image DIR                 make one read-only installation for many users in DIR
        [--hub]               with what JupyterHub starts for each, and nbgrader
        [--data DIR]          with the folder of CIFAR-10
        [--weights DIR]       with the folder of the model hub's cache
        [--crates FILE]       with more crates for cells, a line each as in a Cargo.toml
  classroom --address URL   let learners work on a JupyterHub or a Jupyter server, and report how long they waited
            [--learners N]    and what they took; --help lists the rest
            [--minutes M]
  wheel [--check]           build the kernel as a Python wheel into dist, try it in a fresh environment
  test [--long]             every check, the cheapest first
  bench [FILTER]            how long the library's parts take
        [--reference]         in turn with nidl, PyTorch and scikit-learn, which go to .reference
        [--stage NAME]        only stages whose names begin so
        --kernel [ROUNDS]     how long the kernel and its cells take, beside evcxr's own kernel

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
        ["setup"] => setup::run(),
        ["tutorial", rest @ ..] => {
            let options = lessons::Options::parse(rest)?;
            setup::run_before_lesson()?;
            lessons::tutorial(&options)
        }
        ["gallery", rest @ ..] => {
            let status = tools::gallery(rest).status().context("cannot start cargo")?;
            // It has said what is wrong.
            std::process::exit(status.code().unwrap_or(1))
        }
        ["lab"] => {
            setup::run()?;
            lessons::lab()
        }
        ["exercises", rest @ ..] => course::run(&course::Options::parse(rest)?),
        ["image", rest @ ..] => {
            image::run(&image::Options::parse(rest, &std::env::current_dir()?)?)
        }
        ["classroom", rest @ ..] => classroom::run(rest),
        ["bench", "--kernel", rest @ ..] => {
            setup::run()?;
            stock::bench(rest)
        }
        ["bench", rest @ ..] => bench::run(&bench::Options::parse(rest)?),
        ["wheel"] => wheel::build(false),
        ["wheel", "--check"] => wheel::build(true),
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
