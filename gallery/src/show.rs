/// Shows what a cell of the notebook ends in: figures go to a file, other values are printed.
macro_rules! show {
    ($value:expr, $cell:literal) => {
        match &$value {
            value => {
                #[allow(unused_imports)]
                use shown::{Known as _, Other as _, Print as _, Saved as _};
                match (&&shown::Shown(value)).save($cell) {
                    Ok(true) => (),
                    // What has a display of its own has it in a terminal, too.
                    Ok(false) => value.evcxr_display(),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
}

/// Rust takes the first of these traits that a value has: `Known`, `Saved`, `Other`.
#[allow(dead_code)]
mod shown {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NUMBER: AtomicUsize = AtomicUsize::new(1);

    pub struct Shown<'a, T>(pub &'a T);

    pub trait Known {
        fn save(&self, cell: &str) -> twoviews::Result<bool>;
    }

    pub trait Saved {
        fn save(&self, cell: &str) -> twoviews::Result<bool>;
    }

    pub trait Other {
        fn save(&self, cell: &str) -> twoviews::Result<bool>;
    }

    pub trait Print {
        fn evcxr_display(&self);
    }

    impl<T: std::fmt::Debug> Print for T {
        fn evcxr_display(&self) {
            println!("{self:?}");
        }
    }

    impl Known for &Shown<'_, ()> {
        fn save(&self, _: &str) -> twoviews::Result<bool> {
            Ok(true)
        }
    }

    /// Of pixels.
    impl Known for &Shown<'_, twoviews::plot::ImageGrid> {
        fn save(&self, cell: &str) -> twoviews::Result<bool> {
            let path = path(cell, "png");
            self.0.save(&path)?;
            println!("figure: {path}");
            Ok(true)
        }
    }

    impl<T: twoviews::notebook::Figure> Saved for &&Shown<'_, T> {
        fn save(&self, cell: &str) -> twoviews::Result<bool> {
            let path = path(cell, "svg");
            std::fs::write(&path, self.0.svg()?).unwrap_or_else(|error| panic!("{path}: {error}"));
            println!("figure: {path}");
            Ok(true)
        }
    }

    impl<T> Other for Shown<'_, T> {
        fn save(&self, _: &str) -> twoviews::Result<bool> {
            Ok(false)
        }
    }

    fn path(cell: &str, extension: &str) -> String {
        format!("{:02}-{cell}.{extension}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }
}
