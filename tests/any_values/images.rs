//! Images, data sets, loaders and subsets.

use twoviews::prelude::*;

use crate::{SIZES, Sweep, shapes};

#[test]
fn images_and_loaders() {
    let mut sweep = Sweep::new();
    for height in SIZES {
        for width in SIZES {
            for bytes in [0, 1, 3, 12, 64] {
                let image = Image { height, width, pixels: vec![7; bytes] };
                sweep.call(format!("view of {height} x {width}, {bytes}"), || {
                    View::from_image(&image)
                });
                let classes = vec!["a".to_owned()];
                for targets in [vec![], vec![0], vec![0, 255]] {
                    sweep.call(format!("dataset of {height} x {width}, {bytes}"), || {
                        let size = (height, width);
                        let images = ImageDataset::new(
                            "any",
                            size,
                            image.pixels.clone(),
                            targets,
                            classes.clone(),
                        )?;
                        DataLoader::new(&images, 1, 0)?.pixels()
                    });
                }
                let mut grid = ImageGrid::new(1);
                grid.push(image, "any");
                sweep.call(format!("grid of {height} x {width}, {bytes}"), || grid.to_svg());
            }
        }
    }
    let images = shapes(7);
    for size in SIZES {
        sweep.call(format!("Shapes10 of {size}"), || {
            // The largest one that is allowed takes its time.
            let num_images = if size == 1 << 16 { 0 } else { size };
            Shapes10 { num_images, ..Default::default() }.generate()
        });
        sweep.call(format!("subset {size}"), || Subset::new(&images, &[size, size]));
        sweep.call(format!("DataLoader {size}"), || {
            DataLoader::new(&images, size, 0)?.iter().collect::<Result<Vec<_>>>()
        });
        sweep.call(format!("DataLoader workers {size}"), || {
            DataLoader::new(&images, 2, size)?.iter().collect::<Result<Vec<_>>>()
        });
        let views = || MultiViewsTransform::new(simclr_transform_of_size(4)?, 2);
        let base = MultiViewsLoaderConfig { batch_size: 2, num_workers: 0, ..Default::default() };
        for config in [
            MultiViewsLoaderConfig { batch_size: size, ..base },
            MultiViewsLoaderConfig { batch_size: size, drop_last: true, ..base },
            MultiViewsLoaderConfig { num_workers: size, ..base },
            MultiViewsLoaderConfig { prefetch: size, num_workers: 1, ..base },
        ] {
            sweep.call(format!("{config:?}"), || {
                let loader = MultiViewsLoader::new(&images, views()?, config)?;
                let _ = loader.epoch(size as u64, size);
                loader.epoch(0, 0)?.collect::<Result<Vec<_>>>()
            });
        }
        sweep.call(format!("{size} views"), || MultiViewsTransform::new(ToTensor, size));
        for other in SIZES {
            if size <= 1 << 16 || other < 1 << 16 {
                sweep
                    .call(format!("choice {size} of {other}"), || numpy_rng(0).choice(other, size));
            }
        }
    }
    sweep.check(1_500);
}
