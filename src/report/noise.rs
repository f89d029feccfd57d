//! Exact discrete Laplace noise: integer arithmetic on random bits, no floating point that could give the count away.
//!
//! Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 and 2.

/// Where random bits come from.
pub(super) trait Bits {
    /// 64 random bits.
    fn bits(&mut self) -> Result<u64, getrandom::Error>;

    /// A whole number below `n`, each as likely as the other.
    fn below(&mut self, n: u64) -> Result<u64, getrandom::Error> {
        // What lies in the last, partial round of n would favour the small numbers.
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let bits = self.bits()?;
            if bits < limit {
                return Ok(bits % n);
            }
        }
    }
}

/// The operating system's random numbers.
pub(super) struct System;

impl Bits for System {
    fn bits(&mut self) -> Result<u64, getrandom::Error> {
        getrandom::u64()
    }
}

/// Parts of one that an epsilon is held in, so that it is a ratio of whole numbers.
const PARTS: u64 = 1_000_000;

/// True with probability exp(−numerator / denominator), for 0 ≤ numerator ≤ denominator.
fn exp_minus(numerator: u64, denominator: u64, random: &mut impl Bits) -> Result<bool, getrandom::Error> {
    let mut k = 1;
    while random.below(denominator * k)? < numerator {
        k += 1;
    }
    Ok(k % 2 == 1)
}

/// A whole number x with probability proportional to exp(−epsilon·|x|). `epsilon` counts in millionths, above 0.
pub(super) fn discrete_laplace(epsilon: f64, random: &mut impl Bits) -> Result<i64, getrandom::Error> {
    let s = ((epsilon * PARTS as f64).round() as u64).max(1);
    loop {
        let u = random.below(PARTS)?;
        if !exp_minus(u, PARTS, random)? {
            continue;
        }
        let mut v = 0;
        while exp_minus(1, 1, random)? {
            v += 1;
        }
        let y = ((u + PARTS * v) / s) as i64;
        let negative = random.below(2)? == 1;
        // Zero comes with either sign; one of the two must not count.
        if !(negative && y == 0) {
            return Ok(if negative { -y } else { y });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::share::variance;
    use super::*;

    /// Sebastiano Vigna's splitmix64: seeded, so that the test gives the same answer each time.
    struct Seeded(u64);

    impl Bits for Seeded {
        fn bits(&mut self) -> Result<u64, getrandom::Error> {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Ok(z ^ (z >> 31))
        }
    }

    /// Chi-square of `draws` draws against the distribution, over the values −reach..=reach and the two tails.
    fn chi_square(epsilon: f64, reach: i64, draws: usize, random: &mut impl Bits) -> f64 {
        let bins = (2 * reach + 3) as usize;
        let mut seen = vec![0u64; bins];
        for _ in 0..draws {
            let x = discrete_laplace(epsilon, random).unwrap().clamp(-reach - 1, reach + 1);
            seen[(x + reach + 1) as usize] += 1;
        }
        let a = (-epsilon).exp();
        let probability = |bin: usize| {
            let x = (bin as i64 - reach - 1).unsigned_abs() as i32;
            // The tail beyond the reach sums to a^(reach+1) / (1 + a).
            if x as i64 == reach + 1 { a.powi(x) / (1.0 + a) } else { (1.0 - a) / (1.0 + a) * a.powi(x) }
        };
        let expected = |bin| probability(bin) * draws as f64;
        seen.iter().enumerate().map(|(bin, &n)| (n as f64 - expected(bin)).powi(2) / expected(bin)).sum()
    }

    #[test]
    fn the_noise_is_discrete_laplace() {
        // 99.9 % points of chi-square with 2·reach + 2 degrees of freedom.
        for (epsilon, reach, limit) in [(1.0, 5, 32.9), (0.5, 9, 45.3), (2.0, 3, 26.1), (0.1, 20, 76.1)] {
            let chi = chi_square(epsilon, reach, 200_000, &mut Seeded(20_200_426));
            assert!(chi < limit, "epsilon {epsilon}: chi-square {chi}");
        }
    }

    #[test]
    fn the_test_would_see_a_wrong_scale() {
        let wrong = (0..5).map(|seed| {
            let mut random = Seeded(seed);
            let mut seen = 0u64;
            for _ in 0..50_000 {
                seen += u64::from(discrete_laplace(0.9, &mut random).unwrap() == 0);
            }
            seen as f64 / 50_000.0
        });
        let a = (-1.0f64).exp();
        for share in wrong {
            assert!((share - (1.0 - a) / (1.0 + a)).abs() > 0.02);
        }
    }

    #[test]
    fn the_system_s_numbers_give_the_stated_variance() {
        let draws = 50_000;
        let sum: f64 = (0..draws).map(|_| (discrete_laplace(1.0, &mut System).unwrap() as f64).powi(2)).sum();
        let seen = sum / f64::from(draws);
        // Six standard errors of the variance.
        assert!((seen - variance(1.0)).abs() < 6.0 * (20.0f64 / f64::from(draws)).sqrt(), "{seen}");
    }

    #[test]
    fn every_number_below_n_is_as_likely() {
        let mut seen = [0u32; 6];
        let mut random = Seeded(1);
        for _ in 0..60_000 {
            seen[random.below(6).unwrap() as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (9_600..10_400).contains(&n)), "{seen:?}");
    }
}
