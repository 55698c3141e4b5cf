//! Transforms of CIFAR-10's images against torchvision's bytes.

#[path = "transforms/golden.rs"]
mod golden;

use golden::{N, compare_with_golden};
use twoviews::data::Image;

#[test]
fn real_images_give_torchvisions_bytes() {
    let Some(folder) = std::env::var_os("TWOVIEWS_DATA") else {
        eprintln!("skipped: real images, TWOVIEWS_DATA is not set");
        return;
    };
    let config =
        twoviews::data::Cifar10Config { data_dir: Some(folder.into()), ..Default::default() };
    let cifar10 = twoviews::data::Cifar10::load(&config).unwrap();
    let images: Vec<Image> = (0..N).map(|n| cifar10.train.image(n)).collect();
    compare_with_golden("real.json", &images);
}
