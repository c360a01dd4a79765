//! What may stand in Redis under one of our keys.

use tower_circuit_breaker_redis::FleetRecord;

/// Whatever it is, it is a record that reads the same when it is written again, or it is refused.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let record: FleetRecord = match text.parse() {
        Ok(record) => record,
        Err(error) if error.to_string().lines().count() == 1 => return Ok(()),
        Err(error) => return Err(format!("told in several lines: {error}")),
    };
    let written = record.to_string();
    if text.len() > 1024 {
        return Err(format!("{} bytes were taken", text.len()));
    }
    if written.parse() != Ok(record.clone()) {
        return Err(format!("{record:?} is written as {written:?}, which is another"));
    }
    let words = if written.starts_with('1') { 8 } else { 10 };
    if written.split(' ').count() != words || record.node().len() > 64 {
        return Err(format!("{written:?} was taken"));
    }
    // What was not written by us may have zeros in front, and nothing else that differs.
    let plain = |line: &str| -> Vec<String> {
        let word = |word: &str| word.trim_start_matches('0').to_owned();
        line.split(' ').map(word).collect()
    };
    let saturated = text.split(' ').nth(5).is_some_and(|step| step.parse::<u32>().is_err());
    // Whoever says nothing of an override may say so in version 2.
    if !saturated && plain(&text)[1..7] != plain(&written)[1..7] {
        return Err(format!("{text:?} was taken as {written:?}"));
    }
    Ok(())
}
