/// Shows what a cell of the notebook ends in: figures go to a file, other values are printed.
macro_rules! show {
    ($value:expr, $cell:literal) => {{
        #[allow(unused_imports)]
        use shown::{Print as _, Save as _};
        if let Err(error) = (&shown::Shown(&$value)).show($cell) {
            panic!("{error}");
        }
    }};
}

mod shown {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NUMBER: AtomicUsize = AtomicUsize::new(1);

    pub struct Shown<'a, T>(pub &'a T);

    /// What has a form of its own. Rust looks for this trait first, because it wants one reference less.
    pub trait Save {
        fn show(&self, cell: &str) -> twoviews::Result<()>;
    }

    #[allow(dead_code)]
    pub trait Print {
        fn show(&self, cell: &str) -> twoviews::Result<()>;
    }

    impl<T: std::fmt::Debug> Print for &Shown<'_, T> {
        fn show(&self, _: &str) -> twoviews::Result<()> {
            println!("{:?}", self.0);
            Ok(())
        }
    }

    impl Save for Shown<'_, ()> {
        fn show(&self, _: &str) -> twoviews::Result<()> {
            Ok(())
        }
    }

    macro_rules! figures {
        ($($figure:ident $extension:literal),*) => {$(
            impl Save for Shown<'_, twoviews::plot::$figure> {
                fn show(&self, cell: &str) -> twoviews::Result<()> {
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let path = format!(concat!("{:02}-{}.", $extension), number, cell);
                    self.0.save(&path)?;
                    println!("figure: {path}");
                    Ok(())
                }
            }
        )*};
    }
    figures!(
        LinePlot "svg", BarPlot "svg", HeatMap "svg", Histogram "svg", ScatterPlot "svg", ImageGrid "png"
    );
}
