//! Puts calls in the order in which they began, where a log has them in that of their ends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::Call;
use crate::log::LogError;

/// Holds calls back until one comes that began `by` later; errors where that is not enough.
pub(crate) struct Ordered<I> {
    calls: I,
    by: Duration,
    /// By when they began, and then in the order of the log.
    held: BTreeMap<(Duration, u64), Call>,
    newest: Duration,
    passed_on: Duration,
    count: u64,
}

impl<I> Ordered<I> {
    pub(crate) fn new(calls: I, by: Duration) -> Self {
        let (held, newest) = (BTreeMap::new(), Duration::ZERO);
        Self { calls, by, held, newest, passed_on: Duration::ZERO, count: 0 }
    }

    /// Holds `call` back, or hands it on at once where all calls come in order.
    fn take(&mut self, call: Call, line: u64, column: usize) -> Result<Option<Call>, LogError> {
        if call.at < self.passed_on {
            let behind = self.newest.saturating_sub(call.at);
            let what = format!(
                "the call began {behind:?} before one of a line above: sort the log by time, or \
                 have calls put in order by --reorder, such as --reorder {}s",
                behind.as_secs() + 1
            );
            return Err(LogError { line, column, what });
        }
        self.newest = self.newest.max(call.at);
        if self.by.is_zero() {
            self.passed_on = call.at;
            return Ok(Some(call));
        }
        self.count += 1;
        self.held.insert((call.at, self.count), call);
        if self.held.len() > MOST {
            let what = format!("more than {MOST} calls are held back: is --reorder too long?");
            return Err(LogError { line, column, what });
        }
        Ok(None)
    }

    /// Takes the call that began first.
    fn pass_on(&mut self) -> Option<Call> {
        let (_, call) = self.held.pop_first()?;
        self.passed_on = call.at;
        Some(call)
    }
}

impl<I> Iterator for Ordered<I>
where
    I: Iterator<Item = Result<(Call, u64, usize), LogError>>,
{
    type Item = Result<Call, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let due = self.newest.saturating_sub(self.by);
            if self.held.keys().next().is_some_and(|(at, _)| *at <= due) {
                return self.pass_on().map(Ok);
            }
            match self.calls.next() {
                Some(Ok((call, line, column))) => {
                    if let Some(done) = self.take(call, line, column).transpose() {
                        return Some(done);
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None => return self.pass_on().map(Ok),
            }
        }
    }
}

/// So that memory stays bounded; about 100 MiB.
const MOST: usize = 1_000_000;
