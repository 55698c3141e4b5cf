//! numpy's `default_rng(seed).choice(n, size, replace=False)`, number for number.

use std::collections::HashSet;

use crate::{Error, Result};

/// A population up to this size is always sampled by Floyd's method.
const FLOYD_POPULATION: usize = 10_000;

/// Largest population that is shuffled as a whole: its numbers take 2 GiB.
const SHUFFLED: usize = 1 << 28;

/// A generator that draws what numpy's `default_rng` draws.
///
/// PCG64 (O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for
/// random number generation", 2014), seeded by numpy's `SeedSequence`.
#[derive(Clone, Debug)]
pub struct NumpyRng {
    state: u128,
    increment: u128,
    /// The high half of the last 64 bits, which the next 32-bit draw uses.
    spare: Option<u32>,
}

/// numpy's `default_rng(seed)`.
///
/// ```
/// use twoviews::rng::numpy_rng;
/// let train = numpy_rng(42).choice(50_000, 10_000)?;
/// assert_eq!(train[..3], [42573, 22621, 14128]);
/// # Ok::<(), twoviews::Error>(())
/// ```
pub fn numpy_rng(seed: u32) -> NumpyRng {
    let [v0, v1, v2, v3] = seed_sequence(seed).map(u128::from);
    let mut rng = NumpyRng { state: 0, increment: (((v2 << 64) | v3) << 1) | 1, spare: None };
    rng.step();
    rng.state = rng.state.wrapping_add((v0 << 64) | v1);
    rng.step();
    rng
}

impl NumpyRng {
    /// `size` different numbers below `population`, in numpy's order.
    ///
    /// # Errors
    /// If `size` exceeds `population`, `population` does not fit 32 bits, or the numbers do not fit
    /// 2 GiB.
    pub fn choice(&mut self, population: usize, size: usize) -> Result<Vec<usize>> {
        if size > population || u32::try_from(population).is_err() {
            return Err(Error::parameter(
                "size",
                format!("{size} of {population}"),
                "size <= population < 2^32",
                "Without replacement no number is drawn twice: ask for fewer.",
            ));
        }
        if population > FLOYD_POPULATION && size > population / 50 {
            if population > SHUFFLED {
                let hint = "It would take more than 2 GiB: ask for fewer, or choose in parts.";
                let allowed = "at most a fiftieth of a population above 2^28";
                return Err(Error::parameter("size", size, allowed, hint));
            }
            return Ok(self.tail_shuffle(population, size));
        }
        Ok(self.floyd(population, size))
    }

    /// Shuffles the last `size` places of 0..population.
    fn tail_shuffle(&mut self, population: usize, size: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..population).collect();
        for i in (population.saturating_sub(size).max(1)..population).rev() {
            let j = self.bounded(i);
            numbers.swap(i, j);
        }
        numbers.split_off(population - size)
    }

    /// Floyd's method (Bentley and Floyd, "A sample of brilliance", 1987), then a shuffle.
    fn floyd(&mut self, population: usize, size: usize) -> Vec<usize> {
        let mut seen = HashSet::with_capacity(size);
        let mut numbers: Vec<usize> = (population - size..population)
            .map(|j| {
                let v = self.bounded(j);
                let number = if seen.contains(&v) { j } else { v };
                seen.insert(number);
                number
            })
            .collect();
        for i in (1..size).rev() {
            let j = self.bounded(i);
            numbers.swap(i, j);
        }
        numbers
    }

    /// A number in 0..=`max`, by Lemire's method on 32 bits.
    fn bounded(&mut self, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        // `choice` has checked that the population fits.
        let bound = max as u64 + 1;
        let mut product = u64::from(self.next32()) * bound;
        if u64::from(product as u32) < bound {
            let threshold = (u64::from(u32::MAX) - max as u64) % bound;
            while u64::from(product as u32) < threshold {
                product = u64::from(self.next32()) * bound;
            }
        }
        (product >> 32) as usize
    }

    fn next32(&mut self) -> u32 {
        if let Some(high) = self.spare.take() {
            return high;
        }
        let bits = self.next64();
        self.spare = Some((bits >> 32) as u32);
        bits as u32
    }

    fn next64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn step(&mut self) {
        const MULTIPLIER: u128 = (2_549_297_995_355_413_924 << 64) + 4_865_540_595_714_422_341;
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }
}

/// numpy's `SeedSequence(seed).generate_state(4, uint64)`.
fn seed_sequence(seed: u32) -> [u64; 4] {
    let mut constant = 0x43b0_d7e5_u32;
    let mut hash = |value: u32| {
        let value = value ^ constant;
        constant = constant.wrapping_mul(0x931e_8875);
        let value = value.wrapping_mul(constant);
        value ^ (value >> 16)
    };
    let mut pool = [hash(seed), hash(0), hash(0), hash(0)];
    for source in 0..4 {
        for target in (0..4).filter(|&target| target != source) {
            let mixed = 0xca01_f9dd_u32
                .wrapping_mul(pool[target])
                .wrapping_sub(0x4973_f715_u32.wrapping_mul(hash(pool[source])));
            pool[target] = mixed ^ (mixed >> 16);
        }
    }
    let mut constant = 0x8b51_f9dd_u32;
    let words: [u32; 8] = std::array::from_fn(|i| {
        let value = pool[i % 4] ^ constant;
        constant = constant.wrapping_mul(0x58f3_8ded);
        let value = value.wrapping_mul(constant);
        value ^ (value >> 16)
    });
    std::array::from_fn(|i| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32)
}
