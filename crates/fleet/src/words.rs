//! Who has forced a fleet's circuit, and why.

use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};

use crate::escape::{escape, unescape};

/// What an operator says of a command, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Who it is: no more than [`LONGEST_ACTOR`] bytes.
    actor: Option<String>,
    /// Whether whoever passed it on knew the actor.
    actor_checked: bool,
    /// Why: no more than [`LONGEST_REASON`] bytes.
    reason: Option<String>,
}

/// The most bytes of an actor.
pub const LONGEST_ACTOR: usize = 64;

/// The most bytes of a reason.
pub const LONGEST_REASON: usize = 200;

/// Stands in a record for what was not said.
const NONE: &str = "-";

impl Words {
    /// Takes the words of `order`; what is too long is cut.
    pub fn of(order: &FleetOrder) -> Self {
        let said = |text: &Option<String>, most| {
            let text = text.as_deref().map(|text| cut(text, most));
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (actor, reason) =
            (said(&order.actor, LONGEST_ACTOR), said(&order.reason, LONGEST_REASON));
        Self { actor_checked: order.actor_checked && actor.is_some(), actor, reason }
    }

    /// Returns whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.actor.is_none() && self.reason.is_none()
    }

    /// Returns the operator's name.
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// Returns the reason.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Returns the same words as those of an order.
    pub fn order(&self, command: FleetCommand) -> FleetOrder {
        let mut order = FleetOrder::new(command);
        order.actor.clone_from(&self.actor);
        order.actor_checked = self.actor_checked;
        order.reason.clone_from(&self.reason);
        order
    }

    /// Returns the two words of a record that name the actor and the reason.
    ///
    /// The actor stands behind `=` where it was checked and else behind `~`, the reason behind `~`;
    /// each is `-` where there is none.
    pub fn as_words(&self) -> [String; 2] {
        let sign = if self.actor_checked { '=' } else { '~' };
        [written(sign, self.actor.as_deref()), written('~', self.reason.as_deref())]
    }

    /// Reads what [`as_words`](Self::as_words) has made; `None` where it has not.
    pub fn parse([actor, reason]: [&str; 2]) -> Option<Self> {
        let actor_checked = actor.starts_with('=');
        let (actor, reason) = (read(actor)?, read(reason)?);
        let fits =
            |text: &Option<String>, most| text.as_ref().is_none_or(|text| text.len() <= most);
        let is_good = fits(&actor, LONGEST_ACTOR) && fits(&reason, LONGEST_REASON);
        is_good.then_some(Self { actor, actor_checked, reason })
    }
}

/// As much of `text` as has room, in whole letters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn written(sign: char, text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), |text| format!("{sign}{}", escape(text)))
}

/// `Some(None)` where there is none, `None` where it is not well-formed.
#[expect(clippy::option_option, reason = "there may be none, and it may be malformed")]
fn read(word: &str) -> Option<Option<String>> {
    if word == NONE {
        return Some(None);
    }
    unescape(word.strip_prefix(['=', '~'])?).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::*;

    fn said(actor: Option<&str>, actor_checked: bool, reason: Option<&str>) -> Words {
        let mut order = FleetOrder::new(FleetCommand::Release);
        order.actor = actor.map(str::to_owned);
        order.actor_checked = actor_checked;
        order.reason = reason.map(str::to_owned);
        Words::of(&order)
    }

    #[test]
    fn whatever_is_said_comes_back() {
        let texts =
            [None, Some("ann"), Some("-"), Some("="), Some("50 % of\n\tcalls ü €"), Some("%41")];
        for actor in texts {
            for reason in texts {
                let words = said(actor, true, reason);
                let [one, other] = words.as_words();
                assert!(!format!("{one}{other}").contains(char::is_whitespace), "{one} {other}");
                assert_eq!(Words::parse([&one, &other]), Some(words), "{one} {other}");
            }
        }
        assert!(said(Some(""), true, None).is_empty());
    }

    #[test]
    fn what_is_too_long_is_cut_between_letters() {
        let words = said(Some(&"€".repeat(100)), false, Some(&"x".repeat(1000)));
        let order = words.order(FleetCommand::Release);
        assert_eq!(order.actor.unwrap(), "€".repeat(21));
        assert_eq!(order.reason.unwrap().len(), LONGEST_REASON);
    }

    #[test]
    fn what_is_malformed_is_none() {
        let long = format!("~{}", "x".repeat(201));
        for word in ["", "ann", "~%", "~%4", "~%GG", "~%FF", &long] {
            assert_eq!(Words::parse([word, "-"]), None, "{word}");
            assert_eq!(Words::parse(["-", word]), None, "{word}");
        }
    }
}
