use crate::token::*;

#[test]
fn every_byte_of_a_guess_is_looked_at_wherever_it_is_wrong() {
    let right = "correct-horse-battery";
    let token = Token::new(right.to_owned()).expect("a good token");
    let guesses = (0..right.len()).map(|wrong| {
        let mut guess = right.as_bytes().to_vec();
        guess[wrong] ^= 1;
        guess
    });

    for guess in guesses.chain([right.into(), b"x".to_vec(), [b"x", right.as_bytes()].concat()]) {
        let mut looked = 0;
        let different = token.difference(guess.iter().inspect(|_| looked += 1)) != 0;

        assert_eq!(looked, guess.len(), "{guess:?}");
        assert_eq!(different, guess != right.as_bytes(), "{guess:?}");
        assert_eq!(token.is(&guess), guess == right.as_bytes(), "{guess:?}");
    }
}
