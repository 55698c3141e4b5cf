//! One image: random placement and colours, then every pixel from a grid of sample points.

use super::figures::contains;
use super::{Palette, SHAPES10_CLASSES, SHAPES10_SIZE, Shapes10};
use crate::rng::RandomStream;

/// Sample points a pixel has in each direction, for smooth edges.
const SAMPLES: usize = 3;

/// Where the figure lies: its centre and radius in pixels, and the cosine and sine of its angle.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    pub cos: f64,
    pub sin: f64,
}

/// What an image shows, before shading and noise.
pub(super) struct Scene {
    pub class: usize,
    pub placement: Placement,
    /// Red, green and blue of what is not the figure.
    pub ground: [f64; 3],
    /// Red, green and blue of the figure.
    pub figure: [f64; 3],
}

impl Scene {
    /// The scene of image `index` of `shapes`, and the stream from which shading and noise are drawn.
    pub(super) fn draw(index: usize, shapes: &Shapes10) -> (Self, RandomStream) {
        // The palette takes the place of the view, so that muted and vivid images are independent.
        let mut random = RandomStream::new(shapes.seed, 0, index as u64, shapes.palette as u64);
        let placement = Placement::draw(&mut random);
        let (ground, figure) = match shapes.palette {
            Palette::Muted => muted(&mut random),
            Palette::Vivid => vivid(&mut random),
        };
        (Self { class: index % SHAPES10_CLASSES.len(), placement, ground, figure }, random)
    }
}

/// Draws image `index` of `shapes` into `pixels`, row by row, channels last.
pub(super) fn draw(pixels: &mut [u8], index: usize, shapes: &Shapes10) {
    let (Scene { class, placement, ground, figure }, mut random) = Scene::draw(index, shapes);
    let shade = (random.uniform_range(-0.7, 0.7), random.uniform_range(-0.7, 0.7));
    let noise = random.uniform_range(3.0, 9.0);
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % SHAPES10_SIZE) as f64, (i / SHAPES10_SIZE) as f64);
        let coverage = placement.coverage(class, x, y);
        let light = shade.0 * (x - 15.5) + shade.1 * (y - 15.5);
        for (value, (g, f)) in pixel.iter_mut().zip(ground.into_iter().zip(figure)) {
            let level = g + coverage * (f - g) + light + noise * approximately_normal(&mut random);
            *value = (level + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}

impl Placement {
    fn draw(random: &mut RandomStream) -> Self {
        let radius = random.uniform_range(8.0, 13.0);
        // A random angle without sine or cosine, whose last bits differ between machines:
        // (1 - t^2, 2t) / (1 + t^2) runs through an eighth turn while t runs to tan(pi/8).
        let t = random.uniform_range(0.0, 0.414_213_562_373_095);
        let (mut cos, mut sin) = ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t));
        let turn = random.below(8);
        if turn & 1 != 0 {
            (cos, sin) = (sin, cos);
        }
        if turn & 2 != 0 {
            cos = -cos;
        }
        if turn & 4 != 0 {
            sin = -sin;
        }
        Self {
            x: 15.5 + random.uniform_range(-4.0, 4.0),
            y: 15.5 + random.uniform_range(-4.0, 4.0),
            radius,
            cos,
            sin,
        }
    }

    /// The share of the pixel at (`x`, `y`) that the figure covers.
    fn coverage(&self, class: usize, x: f64, y: f64) -> f64 {
        let mut inside = 0;
        for sample in 0..SAMPLES * SAMPLES {
            let offset = |k: usize| (k as f64 + 0.5) / SAMPLES as f64 - 0.5;
            let dx = (x + offset(sample % SAMPLES) - self.x) / self.radius;
            let dy = (y + offset(sample / SAMPLES) - self.y) / self.radius;
            let (u, v) = (self.cos * dx + self.sin * dy, self.cos * dy - self.sin * dx);
            inside += usize::from(contains(class, u, v));
        }
        inside as f64 / (SAMPLES * SAMPLES) as f64
    }
}

/// Grey levels at least 55 apart, either one brighter, each with a tint of up to 10 levels.
fn muted(random: &mut RandomStream) -> ([f64; 3], [f64; 3]) {
    let low = random.uniform_range(30.0, 170.0);
    let high = random.uniform_range(low + 55.0, 230.0);
    let (ground, figure) = if random.chance(0.5) { (low, high) } else { (high, low) };
    let mut tint = |grey: f64| [(); 3].map(|()| grey + random.uniform_range(-10.0, 10.0));
    (tint(ground), tint(figure))
}

/// Two random saturated colours whose difference is visible.
fn vivid(random: &mut RandomStream) -> ([f64; 3], [f64; 3]) {
    let ground = saturated(random);
    loop {
        let figure = saturated(random);
        let distance: f64 = ground.iter().zip(figure).map(|(g, f)| (g - f).abs()).sum();
        if distance > 150.0 {
            return (ground, figure);
        }
    }
}

/// One channel high, one low, one anywhere between.
fn saturated(random: &mut RandomStream) -> [f64; 3] {
    let mut channels = [
        random.uniform_range(190.0, 250.0),
        random.uniform_range(5.0, 60.0),
        random.uniform_range(5.0, 250.0),
    ];
    random.shuffle(&mut channels);
    channels
}

/// An approximately normal variable of mean 0 and variance 1: four summed bytes of one draw.
fn approximately_normal(random: &mut RandomStream) -> f64 {
    let sum: u32 = random.next_u32().to_le_bytes().map(u32::from).iter().sum();
    // Four independent bytes have the mean 510 and the variance 4 * (256^2 - 1) / 12.
    const DEVIATION: f64 = 147.800_541_271_1;
    (f64::from(sum) - 510.0) / DEVIATION
}
