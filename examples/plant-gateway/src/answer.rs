//! What upstreams answer, each in its own form, and how two answers become one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A plant that it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) score: f64,
}

pub(crate) type Candidates = Arc<Vec<Candidate>>;

/// Reads the answer of one upstream; `None` when it is not in its form.
pub(crate) type Read = fn(&Value) -> Option<Candidates>;

/// A plant in the merged answer.
#[derive(Debug, Serialize)]
pub(crate) struct Plant {
    name: String,
    /// The best of the scores that it was given.
    score: f64,
    sources: Vec<&'static str>,
}

/// The form of plant-id.
pub(crate) fn plant_id(body: &Value) -> Option<Candidates> {
    let all = body.pointer("/result/classification/suggestions")?;
    read(all, |one| (one.get("name"), one.get("probability")))
}

/// The form of plantnet.
pub(crate) fn plantnet(body: &Value) -> Option<Candidates> {
    let all = body.get("results")?;
    read(all, |one| (one.pointer("/species/scientificNameWithoutAuthor"), one.get("score")))
}

fn read(
    all: &Value,
    parts: impl Fn(&Value) -> (Option<&Value>, Option<&Value>),
) -> Option<Candidates> {
    let candidate = |one| {
        let (name, score) = parts(one);
        Some(Candidate { name: name?.as_str()?.to_owned(), score: score?.as_f64()? })
    };
    let candidates: Option<Vec<_>> = all.as_array()?.iter().map(candidate).collect();
    candidates.map(Arc::new)
}

/// The plants of all sources, the most likely first.
pub(crate) fn merge<'a>(
    answers: impl Iterator<Item = (&'static str, &'a Candidates)>,
) -> Vec<Plant> {
    let mut plants: Vec<Plant> = Vec::new();
    for (source, candidates) in answers {
        for Candidate { name, score } in candidates.iter() {
            match plants.iter_mut().find(|plant| plant.name == *name) {
                Some(plant) => {
                    plant.score = plant.score.max(*score);
                    plant.sources.push(source);
                }
                None => {
                    plants.push(Plant { name: name.clone(), score: *score, sources: vec![source] });
                }
            }
        }
    }
    plants.sort_by(|a, b| b.score.total_cmp(&a.score));
    plants
}
