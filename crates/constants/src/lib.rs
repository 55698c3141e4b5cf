//! Names on which the library, the kernel and the chores agree. Each stands here only.

#![no_std]

/// Environment variables.
pub mod variable {
    /// Set in cells by the kernel, to its version: displays may go through its protocol.
    pub const KERNEL: &str = "TWOVIEWS_KERNEL";
    /// Set in cells by the kernel: a file that exists while the user asks for an interrupt.
    pub const INTERRUPT_FILE: &str = "TWOVIEWS_INTERRUPT_FILE";
    /// Set in the kernelspec: crates, as behind `:dep`, a line each, that are loaded before the first cell.
    pub const PREWARM: &str = "TWOVIEWS_PREWARM";
    /// Set in the kernelspec: a `Cargo.lock` whose versions cells use.
    pub const CARGO_LOCK: &str = "TWOVIEWS_CARGO_LOCK";
    /// Set in the kernelspec, read by evcxr: the build directory.
    pub const BUILD_DIRECTORY: &str = "EVCXR_TMPDIR";
    /// Set in the kernelspec of an installation for many users: a build directory that nobody writes to, of which
    /// theirs are made.
    pub const BUILD_TEMPLATE: &str = "TWOVIEWS_BUILD_TEMPLATE";
    /// Set by the user: a wheel of the kernel that set-up takes in place of building it.
    pub const KERNEL_WHEEL: &str = "TWOVIEWS_KERNEL_WHEEL";
    /// Set by the user: gigabytes that the build directories of a user account may hold.
    pub const CACHE_LIMIT: &str = "TWOVIEWS_CACHE_LIMIT";
    /// Set by the user: the folder with CIFAR-10.
    pub const DATA: &str = "TWOVIEWS_DATA";
    /// Set by the user: where CIFAR-10's archive is downloaded from.
    pub const CIFAR10_URL: &str = "TWOVIEWS_CIFAR10_URL";
    /// Set by the user: the checksum of that archive.
    pub const CIFAR10_MD5: &str = "TWOVIEWS_CIFAR10_MD5";
    /// Set by the user: lessons take minutes, not hours.
    pub const QUICK: &str = "TWOVIEWS_QUICK";
    /// Set by the user: lesson 01 trains instead of fetching weights.
    pub const FROM_SCRATCH: &str = "TWOVIEWS_FROM_SCRATCH";
    /// Set when lessons are executed: where their files go.
    pub const OUT: &str = "TWOVIEWS_OUT";
    /// Set when lessons are executed on generated data or weights: what figures say of it.
    pub const STAND_INS: &str = "TWOVIEWS_STAND_INS";
    /// Set when a notebook is executed: the kernel that does it, another than the notebook names.
    pub const NOTEBOOK_KERNEL: &str = "TWOVIEWS_NOTEBOOK_KERNEL";
    /// Set for the tests: those run, too, that take long.
    pub const LONG: &str = "TWOVIEWS_LONG";
    /// Set by tests: downloads wait this many times as long.
    pub const TEST_WAIT_FACTOR: &str = "TWOVIEWS_TEST_WAIT_FACTOR";
}

/// MIME types.
pub mod mime {
    /// A display that the kernel updates in place.
    pub const DISPLAY: &str = "application/x-twoviews-display+json";
    /// What belongs to the forms of a thing that were printed just before: the metadata of their output.
    pub const METADATA: &str = "application/x-twoviews-metadata+json";
}

/// Files in a build directory.
pub mod file {
    /// Held locked by the kernel that builds there.
    pub const LOCK: &str = "kernel.lock";
    /// What the crates in it were compiled with.
    pub const STAMP: &str = "prebuilt";
}
