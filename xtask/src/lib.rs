//! What `cargo xtask` is made of, for its program and for the gallery's. It never depends on libtorch, because
//! it brings it.

pub mod bench;
pub mod classroom;
pub mod course;
pub mod folders;
pub mod image;
pub mod lessons;
pub mod notebook;
pub mod paths;
pub mod say;
pub mod setup;
pub mod stock;
pub mod test;
pub mod tools;
pub mod wheel;
