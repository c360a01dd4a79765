//! How sure a rule is to be that more fail than may.

/// A confidence, and the quantile of the normal distribution that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sure {
    pub confidence: f64,
    pub quantile: f64,
}

/// From a table.
pub const SURE: [Sure; 4] = [
    Sure { confidence: 0.6, quantile: 0.253_347_103_135_799_8 },
    Sure { confidence: 0.8, quantile: 0.841_621_233_572_914_3 },
    Sure { confidence: 0.95, quantile: 1.644_853_626_951_472_2 },
    Sure { confidence: 0.99, quantile: 2.326_347_874_040_840_8 },
];

impl Sure {
    /// Any confidence between one half and one. A circuit keeps the square of the quantile to the 24
    /// bits of an `f32`; so does this, since the two are to agree where a window is on the edge.
    #[expect(clippy::cast_possible_truncation, reason = "as the circuit rounds it")]
    pub fn of(confidence: f64) -> Self {
        let mut z = 0.0_f64;
        for _ in 0..MOST_STEPS {
            let step = (confidence - 0.5 - up_to(z)) / density(z);
            z += step;
            if step.abs() < 1e-12 {
                break;
            }
        }
        Self { confidence, quantile: f64::from((z * z) as f32).sqrt() }
    }
}

/// How much of a normal distribution lies between the mean and `z`: Simpson's rule.
fn up_to(z: f64) -> f64 {
    let width = z / f64::from(PARTS);
    let inner: f64 =
        (1..PARTS).map(|part| f64::from(2 + part % 2 * 2) * density(f64::from(part) * width)).sum();
    (density(0.0) + inner + density(z)) * width / 3.0
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

/// Of Newton's method, up to the highest confidence that a circuit tells from one, six deviations.
const MOST_STEPS: u32 = 40;

/// Even, and so many that the area is right to ten digits.
const PARTS: u32 = 1_000;

#[cfg(test)]
mod tests;
