//! From which cells a panic comes.
//!
//! Called by the panic hook of the cells, in their process. The standard library's backtraces do not
//! say from which library a frame comes, and each cell is one, with a file of the same name.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use addr2line::gimli;
use backtrace::SymbolName;
use object::{Object, ObjectSection};

use super::flush::{flush_cells, raw_write};
use super::markers::{CELLS, marker};
use super::panics::{FRAME_END, Frame, library_number};

/// Frames of cells that are told; a recursion has more.
const FRAMES: usize = 32;

/// Says where a panic happened; the text is thread, file, line, column and message.
///
/// # Safety
/// `text` is valid for `length` bytes.
#[allow(unsafe_code, reason = "called by cells")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twoviews_panicked(text: *const u8, length: usize) {
    // SAFETY: the caller's promise.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    let text = String::from_utf8_lossy(text).replace('\u{1}', "");
    let (thread, rest) = text.split_once('\u{2}').unwrap_or_default();
    let frames: Vec<String> = frames().iter().map(Frame::to_text).collect();
    flush_cells();
    raw_write(2, &marker("PANIC", &[thread, &frames.join(FRAME_END), rest]));
}

/// The frames of cells in this thread, the innermost first, but for that of the panic hook.
fn frames() -> Vec<Frame> {
    let mut addresses: Vec<(PathBuf, u64)> = Vec::new();
    backtrace::trace(|frame| {
        let found = library_of(frame.ip());
        addresses.extend(found.filter(|(library, _)| library_number(library).is_some()));
        addresses.len() < 4 * FRAMES
    });
    // backtrace itself lists the libraries once, at its first panic, and cells come later.
    let mut resolved: HashMap<(PathBuf, u64), Vec<Frame>> = HashMap::new();
    let libraries: HashSet<&PathBuf> = addresses.iter().map(|(library, _)| library).collect();
    for library in libraries {
        let of_it = addresses.iter().filter(|(it, _)| it == library);
        let offsets: Vec<u64> = of_it.map(|(_, offset)| *offset).collect();
        for (offset, frames) in resolve(library, &offsets).into_iter().flatten() {
            resolved.insert((library.clone(), offset), frames);
        }
    }
    let found = addresses.iter().skip(1).filter_map(|address| resolved.get(address)).flatten();
    found.take(FRAMES).cloned().collect()
}

/// The functions of cells at each of a library's instructions: several, where some are inlined.
fn resolve(library: &Path, offsets: &[u64]) -> Option<Vec<(u64, Vec<Frame>)>> {
    let build = library_number(library)?;
    let data = std::fs::read(library).ok()?;
    let file = object::File::parse(&*data).ok()?;
    let load = |id: gimli::SectionId| {
        let section = file.section_by_name(id.name());
        let data = section.and_then(|it| it.uncompressed_data().ok()).unwrap_or_default();
        Ok::<_, gimli::Error>(data)
    };
    let sections = gimli::DwarfSections::load(load).ok()?;
    let dwarf = sections.borrow(|data| gimli::EndianSlice::new(data, gimli::NativeEndian));
    let lines = addr2line::Context::from_dwarf(dwarf).ok()?;
    let at = |offset: u64| {
        let mut found = Vec::new();
        // The address is that of the instruction after the call.
        let frames = lines.find_frames(offset.saturating_sub(1)).skip_all_loads();
        let Ok(mut frames) = frames else { return found };
        while let Ok(Some(frame)) = frames.next() {
            let Some(location) = frame.location else { continue };
            let (Some(file), Some(line)) = (location.file, location.line) else { continue };
            if file.ends_with(CELLS) {
                let name = frame.function.as_ref().and_then(|it| it.raw_name().ok());
                let name = name.map(|name| format!("{:#}", SymbolName::new(name.as_bytes())));
                let name = name.unwrap_or_default();
                let function = name.strip_prefix("ctx::").unwrap_or(&name).to_owned();
                let column = location.column.unwrap_or(1) as usize;
                found.push(Frame { build, function, line: line as usize, column });
            }
        }
        found
    };
    Some(offsets.iter().map(|offset| (*offset, at(*offset))).collect())
}

/// The library in which an instruction lies, and where in it.
#[allow(unsafe_code, reason = "calls the C library")]
fn library_of(instruction: *mut c_void) -> Option<(PathBuf, u64)> {
    // SAFETY: a struct of pointers, which may all be null.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: any address may be asked about.
    if unsafe { libc::dladdr(instruction, &raw mut info) } == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the name of a loaded library ends in a zero and lives as long as the library.
    let path = unsafe { CStr::from_ptr(info.dli_fname) };
    let offset = instruction.addr().checked_sub(info.dli_fbase.addr())?;
    Some((PathBuf::from(OsStr::from_bytes(path.to_bytes())), offset as u64))
}
