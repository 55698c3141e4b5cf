//! What the drawing of an image was made from, besides its class.

use std::f64::consts::TAU;
use std::fmt;

use super::draw::Scene;
use super::{SHAPES10_CLASSES, SHAPES10_SYMMETRIES};

/// The factors of variation of one image of [`Shapes10`](super::Shapes10), as the drawing used them.
///
/// Shading and noise come on top of the colours and are no factors.
///
/// | field | unit | range |
/// |---|---|---|
/// | `class` | index into [`SHAPES10_CLASSES`] | 0 to 9 |
/// | `x`, `y` | pixels from the centre of the first pixel, to the right and down | 11.5 to 19.5 |
/// | `size` | pixels, radius of the disc that holds the figure | 8 to 13 |
/// | `angle` | radians, from the x axis towards the y axis, so clockwise on the screen | -pi to pi |
/// | `brightness` | grey level, 0.299 R + 0.587 G + 0.114 B as in torchvision's grayscale | 0 to 255; muted: 20 to 240 |
/// | `hue` | turns, of the HSV model, 0 red, 1/3 green, 2/3 blue | 0 to 1, without 1 |
/// | `figure`, `ground` | levels of red, green and blue | 0 to 255 |
///
/// `brightness` and `hue` are the figure's. A grey figure, which has probability 0, has hue 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// Class index.
    pub class: usize,
    /// Column of the figure's centre.
    pub x: f64,
    /// Row of the figure's centre.
    pub y: f64,
    /// Radius of the figure.
    pub size: f64,
    /// By how much the figure is turned.
    pub angle: f64,
    /// Grey level of the figure.
    pub brightness: f64,
    /// Hue of the figure.
    pub hue: f64,
    /// Red, green and blue of the figure.
    pub figure: [f64; 3],
    /// Red, green and blue of the ground.
    pub ground: [f64; 3],
}

/// One of the factors, for probes that read it from features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// `x` and `y`.
    Position,
    /// `size`.
    Size,
    /// `angle`.
    Angle,
    /// `brightness`.
    Brightness,
    /// `hue`.
    Hue,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Position, Self::Size, Self::Angle, Self::Brightness, Self::Hue];
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Position => "position",
            Self::Size => "size",
            Self::Angle => "angle",
            Self::Brightness => "brightness",
            Self::Hue => "hue",
        })
    }
}

impl Factors {
    pub(super) fn of(scene: &Scene) -> Self {
        let Scene { class, placement, ground, figure } = *scene;
        let [red, green, blue] = figure;
        Self {
            class,
            x: placement.x,
            y: placement.y,
            size: placement.radius,
            angle: placement.sin.atan2(placement.cos),
            brightness: 0.299 * red + 0.587 * green + 0.114 * blue,
            hue: hue(figure),
            figure,
            ground,
        }
    }

    /// The factor as numbers that a linear probe can read: `[x, y]`, `[size]`, `[brightness]`; of what goes
    /// round, cosine and sine, `[cos, sin]` of the hue and of k times the angle.
    ///
    /// k is [`SHAPES10_SYMMETRIES`]: a figure that looks the same after a k-th of a turn shows its angle no more
    /// exactly than that. A disc and a ring show none: their angle has no numbers. Angles of different classes
    /// cannot be compared, so that a probe reads them in one class.
    pub fn values(&self, factor: Factor) -> Vec<f64> {
        let circular = |radians: f64| vec![radians.cos(), radians.sin()];
        match factor {
            Factor::Position => vec![self.x, self.y],
            Factor::Size => vec![self.size],
            Factor::Angle => match SHAPES10_SYMMETRIES.get(self.class) {
                None | Some(None) => vec![],
                Some(Some(k)) => circular(f64::from(*k) * self.angle),
            },
            Factor::Brightness => vec![self.brightness],
            Factor::Hue => circular(TAU * self.hue),
        }
    }

    /// The class's name.
    pub fn class_name(&self) -> &'static str {
        SHAPES10_CLASSES.get(self.class).copied().unwrap_or("unknown")
    }
}

/// Hue of the HSV model, in turns (Smith, "Color gamut transform pairs", SIGGRAPH 1978).
fn hue([red, green, blue]: [f64; 3]) -> f64 {
    let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
    if high <= low {
        return 0.0;
    }
    let sixths = if high == red {
        (green - blue) / (high - low)
    } else if high == green {
        2.0 + (blue - red) / (high - low)
    } else {
        4.0 + (red - green) / (high - low)
    };
    // A sum that rounds to a whole turn is none.
    let turns = (sixths / 6.0).rem_euclid(1.0);
    if turns < 1.0 { turns } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::figures::contains;
    use super::*;
    use crate::rng::RandomStream;

    /// Share of points that a turn by `turns` moves into or out of the figure.
    fn changed(class: usize, turns: f64) -> f64 {
        let (sin, cos) = (TAU * turns).sin_cos();
        let mut random = RandomStream::new(1, 0, 0, 0);
        let n = 20_000;
        let differs = |_: &usize| {
            let (u, v) = (random.uniform_range(-1.0, 1.0), random.uniform_range(-1.0, 1.0));
            contains(class, u, v) != contains(class, cos * u + sin * v, cos * v - sin * u)
        };
        (0..n).filter(differs).count() as f64 / f64::from(n as u32)
    }

    #[test]
    fn figures_have_the_symmetries_that_are_said() {
        for (class, symmetry) in SHAPES10_SYMMETRIES.iter().enumerate() {
            let Some(k) = symmetry else {
                assert!([0.1, 0.37, 0.5].iter().all(|&t| changed(class, t) < 1e-3));
                continue;
            };
            let name = SHAPES10_CLASSES[class];
            let change = changed(class, 1.0 / f64::from(*k));
            // The triangle's base lies a little low.
            assert!(change < 0.01, "{name}: {change}");
            // No smaller turn, for which a multiple of k would be the symmetry.
            for multiple in 2..5 {
                let change = changed(class, 1.0 / f64::from(multiple * k));
                assert!(change > 0.03, "{name}, {multiple}: {change}");
            }
        }
    }

    #[test]
    fn hues_of_known_colours() {
        for (colour, turns) in [
            ([255., 0., 0.], 0.0),
            ([255., 255., 0.], 1. / 6.),
            ([0., 255., 0.], 2. / 6.),
            ([0., 255., 255.], 3. / 6.),
            ([0., 0., 255.], 4. / 6.),
            ([255., 0., 255.], 5. / 6.),
            ([7., 7., 7.], 0.0),
            ([1., 0., f64::MIN_POSITIVE], 0.0),
        ] {
            assert!((hue(colour) - turns).abs() < 1e-12, "{colour:?}: {}", hue(colour));
        }
    }
}
