//! Views a second of one core, and of the loader with a model that costs nothing.
//!
//! `cargo bench --bench views [-- SECONDS]` prints one JSON object; `benches/peer/views.py` runs it
//! in turn with torchvision. It measures itself because the peer needs the bare rates.

use std::time::Instant;

use twoviews::data::{MultiViewsLoader, MultiViewsLoaderConfig, Shapes10, ViewsLoader};
use twoviews::rng::Draws;
use twoviews::transforms::{MultiViewsTransform, View, simclr_transform};

fn main() -> twoviews::Result<()> {
    // cargo itself passes --bench
    let seconds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(3.0);
    let images = Shapes10 { num_images: 10_000, ..Default::default() }.generate()?;
    let transform = MultiViewsTransform::new(simclr_transform(), 2)?;

    let mut view = View::default();
    let (start, mut views) = (Instant::now(), 0u64);
    while start.elapsed().as_secs_f64() < seconds {
        for index in 0..256 {
            view.load(images.pixels(index), images.size())?;
            transform.apply(0, &mut view, &mut Draws::new(42, views, index as u64, 0))?;
            std::hint::black_box(view.values()?);
        }
        views += 256;
    }
    let transform_rate = views as f64 / start.elapsed().as_secs_f64();

    let loader_rate = |num_workers| -> twoviews::Result<f64> {
        let config = MultiViewsLoaderConfig { num_workers, ..Default::default() };
        let loader = MultiViewsLoader::new(&images, transform.clone(), config)?;
        let (start, mut views) = (Instant::now(), 0u64);
        for epoch in 0.. {
            for batch in loader.epoch(epoch, 0)? {
                views += 2 * batch?.indices.len() as u64;
            }
            if start.elapsed().as_secs_f64() >= seconds {
                break;
            }
        }
        Ok(views as f64 / start.elapsed().as_secs_f64())
    };
    let (one, two) = (loader_rate(1)?, loader_rate(2)?);
    println!(
        "{{\"transform_views_per_second\": {transform_rate:.0}, \
         \"loader_1_worker\": {one:.0}, \"loader_2_workers\": {two:.0}}}"
    );
    Ok(())
}
