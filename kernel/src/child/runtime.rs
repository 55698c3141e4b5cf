//! The process that loads and runs the cells.
//!
//! evcxr talks to it over stdin and stdout, whole lines only. Cells get other ones: their output
//! goes to the kernel over a socket of its own, byte by byte, so that what they print can neither
//! be taken for a line of that talk nor be lost in one. The kernel sends evcxr's markers back over a
//! third socket, and a thread here hands them to evcxr.

use std::ffi::c_void;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use libloading::os::unix::{self, RTLD_GLOBAL, RTLD_NOW};
use libloading::{Library, Symbol};

use super::flush::{flush_cells, flush_now_and_then, raw_write, use_flusher_of};
use super::markers::{END, NOT_RUN, SOCKET, marker};
use super::{input, interrupt};

/// How an error begins when a cell is compiled but its library, or one that it needs, cannot be loaded.
pub(crate) const CANNOT_LOAD: &str = "cannot load the cell";

/// Set by evcxr in this process.
pub(crate) const IS_RUNTIME: &str = "EVCXR_IS_RUNTIME";

/// How many threads OpenMP starts.
const OPENMP_THREADS: &str = "OMP_NUM_THREADS";

const ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED\n";

/// Whether evcxr started this process to run cells.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(IS_RUNTIME).is_some() && std::env::var_os(SOCKET).is_some()
}

/// Connects to the kernel and runs cells until stdin ends.
#[allow(unsafe_code, reason = "the environment is changed while there is one thread")]
pub(crate) fn run() -> ! {
    // evcxr asks for backtraces, in which cells would read of this file; panics have their own.
    // SAFETY: there is no other thread yet.
    unsafe { std::env::set_var("RUST_BACKTRACE", "0") };
    // OpenMP, and with it libtorch, counts processors; what a container may use of their time it does not know.
    if std::env::var_os(OPENMP_THREADS).is_none()
        && let Ok(threads) = std::thread::available_parallelism()
    {
        // SAFETY: as above.
        unsafe { std::env::set_var(OPENMP_THREADS, threads.to_string()) };
    }
    let code = match serve() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the process that runs the cells ended: {error}");
            99
        }
    };
    std::process::exit(code)
}

fn serve() -> std::io::Result<()> {
    let path = PathBuf::from(std::env::var_os(SOCKET).unwrap_or_default());
    let connect = |role: u8| -> std::io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&path)?;
        stream.write_all(&[role])?;
        Ok(stream)
    };
    let commands = BufReader::new(std::fs::File::from(replace(0, connect(b'i')?)?));
    let mut evcxr = std::fs::File::from(replace(1, connect(b'o')?)?);
    drop(replace(2, connect(b'e')?)?);
    let relay = connect(b'r')?;
    std::thread::spawn(move || {
        for line in BufReader::new(relay).lines().map_while(Result::ok) {
            if writeln!(evcxr, "{line}").and_then(|()| evcxr.flush()).is_err() {
                break;
            }
        }
        // The kernel is gone, and with it everyone who could use this process.
        std::process::exit(0);
    });
    input::begin();
    std::thread::spawn(flush_now_and_then);
    let mut cells =
        Cells { libraries: Vec::new(), variables: std::ptr::null_mut(), skipped: false };
    for line in commands.lines() {
        cells.run(&line?);
    }
    Ok(())
}

/// Puts `stream` in the place of a standard descriptor; returns the one that was there.
#[allow(unsafe_code, reason = "duplicates a descriptor")]
fn replace(descriptor: i32, stream: UnixStream) -> std::io::Result<OwnedFd> {
    // SAFETY: both descriptors are open; the copies belong to the values made from them.
    unsafe {
        let old = libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3);
        if old < 0 || libc::dup2(stream.as_raw_fd(), descriptor) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(old))
    }
}

struct Cells {
    /// Never unloaded: variables of later cells use their code.
    libraries: Vec<Library>,
    /// evcxr's store of variables, handed from cell to cell.
    variables: *mut c_void,
    /// Whether the last cell was not run, because it was asked to stop before it began.
    skipped: bool,
}

impl Cells {
    /// Runs `LOAD_AND_RUN <library> <function>`.
    fn run(&mut self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        let ["LOAD_AND_RUN", path @ .., function] = words.as_slice() else {
            eprintln!("unknown command: {command}");
            std::process::exit(99);
        };
        let path = path.join(" ");
        raw_write(1, &marker("START", &[&path]));
        let skips = interrupt::is_asked();
        if skips && !self.skipped {
            // Interrupted while it was compiled.
            raw_write(1, &marker(NOT_RUN, &[]));
        } else if skips {
            // Once more: evcxr forgets the variables that it would have made.
            raw_write(1, ERROR_OCCURRED);
        } else if let Err(error) = self.load_and_run(&path, function) {
            // Like a failed `?`: the cell has not begun, and all variables are still there.
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            eprintln!(
                "{CANNOT_LOAD}: {}\nIf a library is missing, run `cargo xtask setup`.",
                reason.unwrap_or_else(|| error.to_string())
            );
            raw_write(1, ERROR_OCCURRED);
        }
        self.skipped = skips && !self.skipped;
        flush_cells();
        raw_write(2, END);
        raw_write(1, END);
    }

    #[allow(unsafe_code, reason = "loads and calls a cell")]
    fn load_and_run(&mut self, path: &str, function: &str) -> Result<(), libloading::Error> {
        // SAFETY: evcxr compiled the library and says which function takes the variables.
        unsafe {
            // A static that an earlier cell has brought is that of this cell, too.
            let library = Library::from(unix::Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL)?);
            use_flusher_of(&library);
            let run: Symbol<'_, extern "C" fn(*mut c_void) -> *mut c_void> =
                library.get(function.as_bytes())?;
            self.variables = run(self.variables);
            self.libraries.push(library);
        }
        Ok(())
    }
}

/// Reads the byte that says what a connection is for.
pub(crate) fn role(stream: &mut UnixStream) -> std::io::Result<u8> {
    let mut role = [0];
    stream.read_exact(&mut role)?;
    Ok(role[0])
}
