use crate::token::*;

fn tokens(purpose: Purpose, tokens: [&str; 3]) -> Tokens {
    let mut all = Tokens::default();
    for token in tokens {
        all.add(purpose, Token::new(token.to_owned()).expect("a good token"));
    }
    all
}

#[test]
fn a_guess_that_is_wrong_anywhere_is_wrong() {
    let right = "correct-horse-battery";
    let all = tokens(Purpose::Steer, ["0123456789abcdef", right, "fedcba9876543210"]);
    let guesses = (0..right.len()).map(|wrong| {
        let mut guess = right.as_bytes().to_vec();
        guess[wrong] ^= 1;
        guess
    });

    let more = [b"".to_vec(), b"c".to_vec(), [right.as_bytes(), b"x"].concat()];
    for guess in guesses.chain(more) {
        assert_eq!(all.purpose_of(&guess), None, "{guess:?}");
    }
    assert_eq!(all.purpose_of(right.as_bytes()), Some(Purpose::Steer));
}

#[test]
fn one_that_may_steer_may_though_it_is_also_among_those_that_read() {
    let mut all =
        tokens(Purpose::Read, ["0123456789abcdef", "a-token-to-read-by", "fedcba9876543210"]);
    assert!(!all.can_steer());
    let both = Token::new("a-token-to-read-by".to_owned()).expect("a good token");
    all.add(Purpose::Steer, both);

    assert_eq!(all.purpose_of(b"a-token-to-read-by"), Some(Purpose::Steer));
    assert_eq!(all.purpose_of(b"0123456789abcdef"), Some(Purpose::Read));
}
