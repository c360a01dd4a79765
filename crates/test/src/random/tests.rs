use crate::random::SplitMix64;

#[test]
fn the_dice_roll_as_splitmix64_does() {
    let mut random = SplitMix64::new(1_234_567);

    let rolled: Vec<u64> = (0..3).map(|_| random.roll()).collect();

    // The first three of the reference implementation, <https://prng.di.unimi.it/splitmix64.c>.
    let reference =
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
    assert_eq!(rolled, reference);
}
