//! The ten figures as sets of points: which points of the plane belong to the figure?

/// Whether the point (`u`, `v`) lies in the figure of `class`.
///
/// Every figure fits the unit disc about the origin. Only +, -, *, / and comparisons are used.
pub(super) fn contains(class: usize, u: f64, v: f64) -> bool {
    let r2 = u * u + v * v;
    match class {
        0 => r2 < 0.72,
        1 => (0.36..0.95).contains(&r2),
        2 => u.abs() < 0.68 && v.abs() < 0.68,
        3 => triangle(u, v),
        4 => star(u, v),
        5 => (u.abs() < 0.26 && v.abs() < 0.92) || (v.abs() < 0.26 && u.abs() < 0.92),
        6 => r2 < 0.9 && (u - 0.45) * (u - 0.45) + v * v > 0.5,
        7 => u.abs() < 0.8 && (stripe(v, 0.0) || stripe(v.abs(), 0.56)),
        8 => u.abs() < 0.75 && v.abs() < 0.75 && checker(u) == checker(v),
        _ => dots(u, v),
    }
}

/// An equilateral triangle with its tip at (0, -0.95).
fn triangle(u: f64, v: f64) -> bool {
    const SLOPE: f64 = 1.732;
    v < 0.48 && v > -0.95 + SLOPE * u.abs()
}

/// A five-pointed star: a point lies in it when at most one of the pentagram's five lines
/// separates it from the centre.
fn star(u: f64, v: f64) -> bool {
    // Outward normals of the five lines, 72 degrees apart, as decimals so that no sine is needed.
    const NORMALS: [(f64, f64); 5] = [
        (0.0, 1.0),
        (0.951_056_516_3, 0.309_016_994_4),
        (0.587_785_252_3, -0.809_016_994_4),
        (-0.587_785_252_3, -0.809_016_994_4),
        (-0.951_056_516_3, 0.309_016_994_4),
    ];
    // Distance of the lines from the centre for tips on the unit circle: cos 72 degrees, widened a
    // little so that the arms stay visible at this size.
    const DISTANCE: f64 = 0.35;
    NORMALS.iter().filter(|(a, b)| a * u + b * v > DISTANCE).count() <= 1 && u * u + v * v < 1.05
}

/// A bar of half-width 0.17 about `centre`.
fn stripe(x: f64, centre: f64) -> bool {
    (x - centre).abs() < 0.17
}

/// Colour of a row or column of the 3x3 board.
fn checker(x: f64) -> bool {
    x.abs() < 0.25
}

/// Six dots: one in the middle and five around it.
fn dots(u: f64, v: f64) -> bool {
    const CENTRES: [(f64, f64); 6] = [
        (0.0, 0.0),
        (0.0, -0.7),
        (0.665_74, -0.216_31),
        (0.411_45, 0.566_31),
        (-0.411_45, 0.566_31),
        (-0.665_74, -0.216_31),
    ];
    CENTRES.iter().any(|(a, b)| (u - a) * (u - a) + (v - b) * (v - b) < 0.055)
}
