//! A counter-based generator: random numbers as a pure function of (seed, epoch, index, view).

/// A stream of random numbers that depends on nothing but what it was made from.
///
/// The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011, section 3.3): ten rounds of multiplications turn a 128-bit counter into
/// four words. The seed is its key; epoch, image index, view and the number of the block are its
/// counter. Streams of different images or epochs never overlap, and no thread has to wait for
/// another one's draws.
///
/// ```
/// use twoviews::rng::RandomStream;
/// let mut a = RandomStream::new(42, 0, 17, 1);
/// let mut b = RandomStream::new(42, 0, 17, 1);
/// assert_eq!(a.uniform(), b.uniform());
/// assert_ne!(a.uniform(), RandomStream::new(42, 1, 17, 1).uniform());
/// ```
#[derive(Clone, Debug)]
pub struct RandomStream {
    key: [u32; 2],
    /// block, view, index, epoch
    counter: [u32; 4],
    words: [u32; 4],
    used: usize,
}

/// The largest number that fits the counter's word for epochs, indices and views.
const LIMIT: u64 = u32::MAX as u64;

impl RandomStream {
    /// The stream of view `view` of image `index` in epoch `epoch`.
    ///
    /// # Panics
    /// If epoch, index or view does not fit 32 bits.
    pub fn new(seed: u64, epoch: u64, index: u64, view: u64) -> Self {
        assert!(epoch.max(index).max(view) <= LIMIT, "epoch, index and view must fit 32 bits");
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, view as u32, index as u32, epoch as u32],
            words: [0; 4],
            used: 4,
        }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox4x32_10(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// A multiple of 2^-53 in [0, 1), all equally likely.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number in [`low`, `high`).
    pub fn uniform_range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// `true` with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// An integer below `bound`, all exactly equally likely (Lemire, "Fast random integer
    /// generation in an interval", 2019).
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "there is no integer below 0");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Puts `items` in random order, all orders equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u32 + 1) as usize;
            items.swap(i, j);
        }
    }
}

/// Ten rounds of Philox with four 32-bit words.
fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers that the authors publish with their implementation, Random123.
    #[test]
    fn philox_gives_the_published_words() {
        assert_eq!(
            philox4x32_10([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32_10([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32_10(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn draws_fill_their_range_evenly() {
        let mut random = RandomStream::new(7, 0, 0, 0);
        let n = 40_000;
        let mut counts = [0u32; 7];
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            counts[random.below(7) as usize] += 1;
            let u = random.uniform();
            assert!((0.0..1.0).contains(&u));
            sum += u;
            squares += u * u;
        }
        // Five standard deviations of a binomial count and of the moments of a uniform variable.
        let n = f64::from(n);
        for count in counts {
            assert!((f64::from(count) - n / 7.0).abs() < 5.0 * (n * 6.0 / 49.0).sqrt());
        }
        assert!((sum / n - 0.5).abs() < 5.0 / (12.0 * n).sqrt());
        assert!((squares / n - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / n).sqrt());
    }

    #[test]
    fn shuffle_reaches_every_order() {
        let mut seen = std::collections::BTreeMap::new();
        for index in 0..6_000 {
            let mut items = [0, 1, 2];
            RandomStream::new(1, 0, index, 0).shuffle(&mut items);
            *seen.entry(items).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|&n| (850..1_150).contains(&n)), "{seen:?}");
    }
}
