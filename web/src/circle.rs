//! The experiment of lesson 04: alignment and uniformity of embeddings on a circle.

use twoviews::losses::CosineSimilarities;
use twoviews::{Error, Result};

/// Images, each with two views.
pub const IMAGES: usize = 12;

/// Where the embeddings lie, in degrees: the images evenly over an arc, each image's views apart from one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    /// The arc, 0 to 360; all of it is the whole circle without the same place twice.
    pub arc: f64,
    /// Between the two views of an image, 0 to 180.
    pub apart: f64,
}

impl Circle {
    /// Refuses angles outside their ranges.
    ///
    /// # Errors
    /// For such an angle, or NaN.
    pub fn check(&self) -> Result<()> {
        for (name, value, most, allowed) in [
            ("arc", self.arc, 360.0, "in 0 to 360 degrees"),
            ("apart", self.apart, 180.0, "in 0 to 180 degrees"),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(Error::parameter(name, value, allowed, "Move the slider."));
            }
        }
        Ok(())
    }

    /// Angle of each embedding in degrees, (2N), first the first views.
    pub fn angles(&self) -> Vec<f64> {
        let middle = |i: usize| self.arc * (i as f64 / IMAGES as f64 - 0.5);
        let of = |side: f64| (0..IMAGES).map(move |i| middle(i) + side * self.apart);
        of(-0.5).chain(of(0.5)).collect()
    }

    /// Alignment and uniformity (Wang and Isola, ICML 2020, section 4.1; alpha and t are 2), InfoNCE and DCL.
    ///
    /// # Errors
    /// If an angle or the temperature is outside its range.
    pub fn numbers(&self, temperature: f64) -> Result<Vec<f64>> {
        self.check()?;
        let points = |angle: &f64| <[f64; 2]>::from(angle.to_radians().sin_cos());
        let z: Vec<f64> = self.angles().iter().flat_map(points).collect();
        let (z1, z2) = z.split_at(z.len() / 2);
        let similarities = CosineSimilarities::new(z1, z2, 2)?;
        let losses = similarities.at_temperature(temperature)?;
        // Of two vectors of length 1.
        let distance = |i: usize, j: usize| 2.0 - 2.0 * similarities.cosines()[2 * IMAGES * i + j];
        let alignment = (0..IMAGES).map(|i| distance(i, i + IMAGES)).sum::<f64>() / IMAGES as f64;
        let uniformity = |first: usize| {
            let pairs = (0..IMAGES).flat_map(|j| (0..j).map(move |i| (first + i, first + j)));
            let near: Vec<f64> = pairs.map(|(i, j)| (-2.0 * distance(i, j)).exp()).collect();
            (near.iter().sum::<f64>() / near.len() as f64).ln()
        };
        let uniformity = (uniformity(0) + uniformity(IMAGES)) / 2.0;
        Ok(vec![alignment, uniformity, losses.info_nce(), losses.dcl()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(arc: f64, apart: f64) -> Vec<f64> {
        Circle { arc, apart }.numbers(0.5).unwrap()
    }

    #[test]
    fn one_point_is_aligned_and_not_uniform() {
        let found = numbers(0.0, 0.0);
        assert!(found[0].abs() < 1e-12 && found[1].abs() < 1e-12, "{found:?}");
        // 22 negatives that are as near as the partner.
        assert!((found[2] - 23f64.ln()).abs() < 1e-9 && (found[3] - 22f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn each_knob_moves_its_number() {
        let opposite = numbers(0.0, 180.0);
        assert!((opposite[0] - 4.0).abs() < 1e-12 && opposite[1].abs() < 1e-9, "{opposite:?}");
        let right_angle = numbers(360.0, 90.0);
        assert!((right_angle[0] - 2.0).abs() < 1e-12, "{right_angle:?}");
        let uniformity = |arc| numbers(arc, 0.0)[1];
        let arcs = [0.0, 60.0, 120.0, 240.0, 360.0].map(uniformity);
        assert!(arcs.is_sorted_by(|a, b| a > b), "{arcs:?}");
    }

    #[test]
    fn the_whole_circle_has_no_place_twice() {
        let mut angles = Circle { arc: 360.0, apart: 0.0 }.angles();
        angles.truncate(IMAGES);
        let mut places: Vec<i64> = angles.iter().map(|it| it.rem_euclid(360.0) as i64).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), IMAGES);
    }

    #[test]
    fn angles_and_temperatures_outside_their_ranges_are_refused() {
        for (arc, apart) in [(-1.0, 0.0), (361.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0)] {
            assert!(Circle { arc, apart }.numbers(0.5).is_err(), "{arc} {apart}");
        }
        assert!(Circle { arc: 90.0, apart: 0.0 }.numbers(0.0).is_err());
    }
}
