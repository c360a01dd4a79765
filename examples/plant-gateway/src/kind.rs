//! What sets one upstream apart from the other.

use serde_json::{Value, json};

use crate::quota::{Per, Quota};

/// Numbers hold unless variables say otherwise; times are in seconds.
pub(crate) struct Kind {
    /// What callers know it by, and in capitals the start of its variables.
    pub(crate) name: &'static str,
    /// What its circuit is called, in logs, metrics and Redis.
    pub(crate) circuit: &'static str,
    pub(crate) timeout: f64,
    pub(crate) fail_max: u32,
    pub(crate) reset_timeout: f64,
    pub(crate) keep_for: u64,
    pub(crate) quota: Quota,
    /// What users are told while it is away, and what their answers then lack.
    pub(crate) note: Option<&'static str>,
    pub(crate) features: &'static [&'static str],
    /// Where its answer has the plants, and each of them name and score: JSON pointers (RFC 6901).
    pub(crate) plants: &'static str,
    pub(crate) plant: &'static str,
    pub(crate) score: &'static str,
    /// What it answers where it is played.
    pub(crate) played: Value,
}

impl Kind {
    /// The one that is paid for.
    pub(crate) fn plant_id() -> Self {
        let suggestions = json!([
            { "name": "Rosa canina", "probability": 0.93 },
            { "name": "Rosa rubiginosa", "probability": 0.05 },
        ]);
        Self {
            name: "plant-id",
            circuit: "plant_id_api",
            timeout: 35.0,
            fail_max: 3,
            reset_timeout: 60.0,
            keep_for: 1_800,
            quota: Quota { calls: 100, per: Per::Month },
            note: Some("Limited identification data available"),
            features: &["disease detection"],
            plants: "/result/classification/suggestions",
            plant: "/name",
            score: "/probability",
            played: json!({ "result": { "classification": { "suggestions": suggestions } } }),
        }
    }

    /// The one that is free.
    pub(crate) fn plantnet() -> Self {
        let species = |name: &str| json!({ "scientificNameWithoutAuthor": name });
        let results = json!([
            { "score": 0.71, "species": species("Rosa canina") },
            { "score": 0.12, "species": species("Rosa corymbifera") },
        ]);
        Self {
            name: "plantnet",
            circuit: "plantnet_api",
            timeout: 20.0,
            fail_max: 5,
            reset_timeout: 30.0,
            keep_for: 86_400,
            quota: Quota { calls: 500, per: Per::Day },
            note: None,
            features: &["family and genus", "care instructions"],
            plants: "/results",
            plant: "/species/scientificNameWithoutAuthor",
            score: "/score",
            played: json!({ "results": results }),
        }
    }

    /// The start of its variables, in small letters, and its key in the health.
    pub(crate) fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as the origin of each waits, and as its owners are told.
    #[test]
    fn calls_time_out_as_at_the_origins_and_as_the_help_says() {
        for (name, kind, seconds) in
            [("PLANT_ID", Kind::plant_id(), 35.0), ("PLANTNET", Kind::plantnet(), 20.0)]
        {
            assert_eq!(kind.timeout.to_string(), f64::to_string(&seconds), "{name}");
            let told = format!("{name}_TIMEOUT={seconds}");
            assert!(crate::AFTER_HELP.contains(&told), "{told}");
        }
    }
}
