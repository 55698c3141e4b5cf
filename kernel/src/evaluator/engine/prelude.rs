//! The kernel's own code among the cells.
//!
//! Cells share one libstd, which is not this program's: only code that is compiled like a cell can set
//! its panic hook and flush its output. And cells use a module, `__twoviews`, into which nothing of the
//! user's leads: its trait is in scope only where the kernel shows a value.

/// How values are shown, which `:fmt` and `:types` change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueFormat {
    pub format: String,
    pub types: bool,
}

impl Default for ValueFormat {
    fn default() -> Self {
        Self { format: "{:?}".to_owned(), types: false }
    }
}

/// The module that cells use.
pub(crate) fn module(shown: &ValueFormat) -> String {
    let format = &shown.format;
    let display = if format.contains('?') { "Debug" } else { "Display" };
    let (head, name) =
        if shown.types { (": {} = ", "short(std::any::type_name::<T>()), ") } else { ("", "") };
    format!(
        r#"pub mod __twoviews {{
    pub trait Show {{
        fn evcxr_display(&self);
    }}
    impl<T: std::fmt::{display} + ?Sized> Show for &T {{
        fn evcxr_display(&self) {{
            std::println!("EVCXR_BEGIN_CONTENT text/plain\n{head}{format}\nEVCXR_END_CONTENT", {name}self);
        }}
    }}
    /// Tells the kernel that the value of the cell comes next.
    pub fn value() {{
        std::print!("\u{{1}}TWOVIEWS-VALUE\u{{1}}");
    }}
    /// `Vec<f32>` of `alloc::vec::Vec<f32>`.
    fn short(name: &str) -> String {{
        let words = name.split_inclusive(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
        words.map(|word| word.rsplit("::").next().unwrap_or(word)).collect()
    }}
    /// What a cell's body returns.
    pub trait End {{
        fn end() -> Self;
    }}
    impl End for () {{
        fn end() {{}}
    }}
    /// evcxr compiles a cell that fails once more without what catches panics.
    impl<T> End for *mut T {{
        fn end() -> Self {{
            std::ptr::null_mut()
        }}
    }}
    impl<E> End for std::result::Result<(), E> {{
        fn end() -> Self {{
            std::result::Result::Ok(())
        }}
    }}
    /// Runs a cell's body: inlined into what catches panics, it would lose its lines in backtraces.
    #[inline(never)]
    pub fn body<R>(body: impl FnOnce() -> R) -> R {{
        body()
    }}
    pub fn end<T: End>(line: u32, kept: &str) -> T {{
        std::println!("\u{{1}}TWOVIEWS-RETURN\u{{2}}{{line}}\u{{2}}{{kept}}\u{{1}}EVCXR_ERROR_OCCURRED");
        T::end()
    }}
}}"#
    )
}

/// What a new process of the cells runs first.
pub(crate) fn all(shown: &ValueFormat) -> String {
    format!("{}\n{HOOKS}", module(shown))
}

const HOOKS: &str = r#"{
    #[unsafe(no_mangle)]
    pub extern "C" fn twoviews_flush() {
        let _ = std::io::Write::flush(&mut std::io::stdout());
    }
    unsafe extern "C" {
        fn twoviews_panicked(text: *const u8, length: usize);
    }
    let main = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or("panic with a value that is no text");
        let (file, line, column) =
            info.location().map_or(("", 0, 0), |at| (at.file(), at.line(), at.column()));
        let thread = std::thread::current();
        let name = if thread.id() == main { "" } else { thread.name().unwrap_or("unnamed") };
        let text = format!("{name}\u{2}{file}\u{2}{line}\u{2}{column}\u{2}{message}");
        unsafe { twoviews_panicked(text.as_ptr(), text.len()) };
    }));
}"#;
