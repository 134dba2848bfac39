//! RAND(N)'s generator: MariaDB's own, so that a seed gives the same sequence.

/// Two linear congruential generators that feed each other.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    seed1: u32,
    seed2: u32,
}

const MODULUS: u32 = 0x3fff_ffff;

impl Random {
    /// The generator that RAND(`seed`) uses; the arithmetic is MariaDB's, on 32 bits.
    pub fn new(seed: u32) -> Self {
        Random {
            seed1: seed.wrapping_mul(0x10001).wrapping_add(55_555_555) % MODULUS,
            seed2: seed.wrapping_mul(0x1000_0001) % MODULUS,
        }
    }

    /// The next number from 0 up to, not including, 1.
    pub fn next(&mut self) -> f64 {
        // Both are below 2^30, so that nothing overflows.
        self.seed1 = (self.seed1 * 3 + self.seed2) % MODULUS;
        self.seed2 = (self.seed1 + self.seed2 + 33) % MODULUS;
        f64::from(self.seed1) / f64::from(MODULUS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_mariadbs_sequence() {
        let mut random = Random::new(5);
        assert_eq!(random.next(), 0.406_135_974_830_143_13);
    }
}
