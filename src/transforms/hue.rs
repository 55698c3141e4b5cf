//! A turn of the hue, through Pillow's 8-bit HSV.

use super::{View, avx2};
use crate::{Error, Result};

/// Pixels that are converted at once; small arrays of one kind of number let the loops vectorise.
const BLOCK: usize = 32;

/// What a hue byte means on the way back to RGB.
#[derive(Clone, Copy)]
struct Sector {
    /// Sixth of the circle, 0 to 5.
    number: u8,
    /// Position in it, in [0, 1).
    position: f32,
}

/// Shifts the hue of every pixel by `factor` turns.
///
/// The image is converted to HSV with 8 bits a channel and back, as torchvision does with PIL
/// images, so that colours change a little even at a factor of 0.
///
/// # Errors
/// If `factor` is outside [-0.5, 0.5] or the view is a tensor already.
pub fn adjust_hue(view: &mut View, factor: f64) -> Result<()> {
    view.expect_image()?;
    if !(-0.5..=0.5).contains(&factor) {
        let hint = "The hue is a circle: 0.5 is half a turn.";
        return Err(Error::parameter("hue", factor, "in [-0.5, 0.5]", hint));
    }
    // The shift wraps around as an unsigned byte.
    let shift = (factor * 255.0) as i32 as u8;
    let sectors: [Sector; 256] = std::array::from_fn(|hue| {
        let sixths = f64::from((hue as u8).wrapping_add(shift)) * 6.0 / 255.0;
        Sector { number: (sixths as u8) % 6, position: (sixths - sixths.floor()) as f32 }
    });

    let size = view.height * view.width;
    let (red, rest) = view.planes.split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    let blocks = red.chunks_mut(BLOCK).zip(green.chunks_mut(BLOCK)).zip(blue.chunks_mut(BLOCK));
    for ((r, g), b) in blocks {
        let mut rgb = [[0; BLOCK]; 3];
        for (block, plane) in rgb.iter_mut().zip([&*r, &*g, &*b]) {
            block[..plane.len()].copy_from_slice(plane);
        }
        avx2::run(Turn { rgb: &mut rgb, sectors: &sectors });
        for (block, plane) in rgb.iter().zip([r, g, b]) {
            plane.copy_from_slice(&block[..plane.len()]);
        }
    }
    Ok(())
}

/// Turns a block of pixels.
struct Turn<'a> {
    rgb: &'a mut [[u8; BLOCK]; 3],
    sectors: &'a [Sector; 256],
}

impl avx2::Loop for Turn<'_> {
    #[inline(always)]
    fn run(self) {
        let (mut hue, mut saturation, mut value) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
        to_hsv(self.rgb, &mut hue, &mut saturation, &mut value);
        let (mut number, mut position) = ([0; BLOCK], [0.0; BLOCK]);
        for ((number, position), &h) in number.iter_mut().zip(&mut position).zip(&hue) {
            let sector = self.sectors[usize::from(h)];
            (*number, *position) = (sector.number, sector.position);
        }
        to_rgb(&number, &position, &saturation, &value, self.rgb);
    }
}

/// Truncates a number that is known to lie in [0, 256).
#[allow(unsafe_code, reason = "a cast that does not keep loops from being vectorised")]
#[inline(always)]
fn truncate(x: f64) -> u8 {
    // SAFETY: the callers pass finite numbers of that range. A saturating cast would keep the loops
    // from being vectorised.
    unsafe { x.to_int_unchecked::<i32>() as u8 }
}

/// Smith's HSV, each channel in 8 bits: float32 quotients, float64 scaling, truncation.
#[inline(always)]
fn to_hsv(
    [red, green, blue]: &[[u8; BLOCK]; 3],
    hue: &mut [u8; BLOCK],
    saturation: &mut [u8; BLOCK],
    value: &mut [u8; BLOCK],
) {
    for i in 0..BLOCK {
        let (r, g, b) = (red[i], green[i], blue[i]);
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        let middle = r.min(g).max(r.max(g).min(b));
        // A gray pixel has hue and saturation 0, which a chroma of 0 over 1 gives by itself.
        let chroma = f32::from(max - min);
        let safe = chroma.max(1.0);
        let s = chroma / f32::from(max.max(1));
        let c = f32::from(max - middle) / safe;
        // Of the three distances from the maximum, divided by the chroma, one is 0, one is 1 and
        // the third is c: Pillow's three formulas become base + c or base - c.
        let (base, sign): (f32, f32) = if r == max {
            if g >= b { (1.0, -1.0) } else { (-1.0, 1.0) }
        } else if g == max {
            if b <= r { (1.0, 1.0) } else { (3.0, -1.0) }
        } else if r <= g {
            (3.0, 1.0)
        } else {
            (5.0, -1.0)
        };
        let turns = f64::from(base + sign * c) / 6.0 + 1.0;
        let fraction = if turns >= 1.0 { turns - 1.0 } else { turns } as f32;
        let colored = if max == min { 0.0 } else { 255.0 };
        hue[i] = truncate(f64::from(fraction) * colored);
        saturation[i] = truncate(f64::from(s) * 255.0);
        value[i] = max;
    }
}

/// Back to RGB: float64 products, rounded half up.
#[inline(always)]
fn to_rgb(
    number: &[u8; BLOCK],
    position: &[f32; BLOCK],
    saturation: &[u8; BLOCK],
    value: &[u8; BLOCK],
    [red, green, blue]: &mut [[u8; BLOCK]; 3],
) {
    for i in 0..BLOCK {
        let v = value[i];
        let (f, s) = (position[i], f32::from(saturation[i]) / 255.0);
        let scale = f64::from(v);
        let p = truncate(scale * (1.0 - f64::from(s)) + 0.5);
        let q = truncate(scale * (1.0 - f64::from(s * f)) + 0.5);
        let t = truncate(scale * (1.0 - f64::from(s) * (1.0 - f64::from(f))) + 0.5);
        let n = number[i];
        red[i] = if n == 0 || n == 5 {
            v
        } else if n == 1 {
            q
        } else if n == 4 {
            t
        } else {
            p
        };
        green[i] = if n == 1 || n == 2 {
            v
        } else if n == 3 {
            q
        } else if n == 0 {
            t
        } else {
            p
        };
        blue[i] = if n == 3 || n == 4 {
            v
        } else if n == 5 {
            q
        } else if n == 2 {
            t
        } else {
            p
        };
    }
}
