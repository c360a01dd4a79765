use crate::model::sure::{SURE, Sure};

#[test]
fn quantiles_are_those_of_the_table() {
    for Sure { confidence, quantile } in SURE {
        let found = Sure::of(confidence).quantile;

        assert!((found - quantile).abs() < 1e-7, "{confidence}: {found} is not {quantile}");
    }
    assert!((Sure::of(0.999_999_999).quantile - 5.997_807_015).abs() < 1e-6);
    assert!(Sure::of(0.500_000_001).quantile < 1e-8);
}
